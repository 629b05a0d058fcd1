import type { Role, RoleName, TrustDocument } from '../../../trust/document/document.js';
import { componentText } from '../../../trust/suit/component.js';
import { versionText } from '../../../trust/suit/version.js';
import { instantText } from '../../module/instant.js';
import type { Result } from '../../result.js';
import { SIGNS_NO_MODULES } from './edit.js';
import type { Issued } from './issue.js';

/** What a document says, for a person and for a script. */
export function summary({ file, document, changed }: Issued, more: readonly string[] = []): Result {
  const what = changed ? 'written' : 'unchanged, it says that already';
  return {
    data: { file, changed, ...documentData(document) },
    text: [`${file}: version ${document.version} ${what}`, ...documentText(document), ...more],
  };
}

function documentData(document: TrustDocument) {
  const { version, expires, minimumHost } = document;
  const hex = (digest: Uint8Array) => Buffer.from(digest).toString('hex');
  return {
    version,
    expires: expires ?? null,
    roles: [...document.roles].map(([name, role]) => ({
      name,
      keys: role.keys,
      threshold: role.threshold,
      components: role.components.map(componentText),
      capabilities: role.capabilities,
      mayGrow: role.mayGrow,
    })),
    floorResets: document.floorResets.map(({ component, floor }) => ({
      component: componentText(component),
      floor,
    })),
    blocked: document.blocked.map(hex),
    minimumHost: minimumHost === undefined ? null : versionText(minimumHost),
  };
}

function documentText(document: TrustDocument): string[] {
  const { expires, minimumHost, blocked, floorResets } = document;
  return [
    ...[...document.roles].flatMap(([name, role]) => [
      `  ${name} (${role.threshold} of ${role.keys.length})${limits(name, role)}`,
      ...role.keys.map((key) => `    ${key}`),
    ]),
    ...floorResets.map(({ component, floor }) => `  ${componentText(component)} starts anew from ${floor}`),
    ...(blocked.length === 0 ? [] : [`  ${blocked.length} blocked`]),
    ...blocked.map((digest) => `    ${Buffer.from(digest).toString('hex')}`),
    ...(minimumHost === undefined ? [] : [`  for iot-host ${versionText(minimumHost)} and newer`]),
    ...(expires === undefined ? [] : [`  expires ${instantText(expires)}`]),
  ];
}

/** Only what is not the usual. */
function limits(name: RoleName, { components, capabilities, mayGrow }: Role): string {
  if (SIGNS_NO_MODULES.has(name)) return '';
  const all = components.some((prefix) => prefix.length === 0);
  return [
    all ? '' : `, only ${components.map(componentText).join(' ') || 'nothing'}`,
    capabilities.includes('*') ? '' : `, only with ${capabilities.join(' ') || 'no contract'}`,
    mayGrow ? '' : ', with no contract that is new',
  ].join('');
}
