import { IotError } from '../../base/errors.js';
import type { CborItem } from '../cbor/item.js';
import { asArray, asBytes, asInt, asText, asUint, Members, unwrap, wrong } from '../cbor/shape.js';
import { readDigest } from '../cose/authentication.js';
import { CHUNK_DIGEST_BYTES } from './chunk-digests.js';
import { COMMAND, PARAMETER, REPORT_ALL } from './labels.js';
import { COMPARISONS, type Comparison, readVersion, type Version } from './version.js';

const UUID_BYTES = 16;

/** What `override-parameters` may set for the current component; a member that is absent was not set. */
export interface Parameters {
  readonly vendor?: Uint8Array | undefined;
  readonly class?: Uint8Array | undefined;
  readonly device?: Uint8Array | undefined;
  readonly digest?: Uint8Array | undefined;
  readonly size?: number | undefined;
  readonly uri?: string | undefined;
  /** Unix seconds. */
  readonly useBefore?: number | undefined;
  readonly priority?: number | undefined;
  readonly version?: readonly [Comparison, Version] | undefined;
  readonly securityFloor?: number | undefined;
  readonly chunkDigests?: Uint8Array | undefined;
  readonly probationSeconds?: number | undefined;
  readonly replaceIdentity?: boolean | undefined;
}

export type ConditionName = 'vendor' | 'class' | 'device' | 'useBefore' | 'version' | 'updateAuthorized';

export type Command =
  | { readonly do: 'set-component'; readonly index: number }
  | { readonly do: 'override'; readonly parameters: Parameters }
  | { readonly do: 'check'; readonly condition: ConditionName }
  | { readonly do: 'fetch' | 'image-match' | 'invoke' };

type Section = 'shared' | 'validate' | 'install' | 'invoke';

/** Code → the command, and the sections it may stand in; conditions belong where they are tested before a fetch. */
const COMMANDS: ReadonlyMap<number, { command: Command; sections: readonly Section[] }> = new Map([
  [COMMAND.vendor, check('vendor')],
  [COMMAND.class, check('class')],
  [COMMAND.device, check('device')],
  [COMMAND.useBefore, check('useBefore')],
  [COMMAND.version, check('version')],
  [COMMAND.updateAuthorized, check('updateAuthorized')],
  [COMMAND.imageMatch, { command: { do: 'image-match' }, sections: ['validate', 'install'] }],
  [COMMAND.fetch, { command: { do: 'fetch' }, sections: ['install'] }],
  [COMMAND.invoke, { command: { do: 'invoke' }, sections: ['invoke'] }],
]);

function check(condition: ConditionName): { command: Command; sections: readonly Section[] } {
  return { command: { do: 'check', condition }, sections: ['shared', 'install'] };
}

/** Decodes a `SUIT_Command_Sequence`. Throws E_ENVELOPE, E_COMMAND for a command that is unknown or out of place. */
export function readSequence(item: CborItem, section: Section): readonly Command[] {
  const parts = asArray(item, section);
  const commands: Command[] = [];
  for (let index = 0; index < parts.length; index += 2) {
    const [code, argument] = parts.slice(index, index + 2);
    if (code === undefined || argument === undefined) return wrong(item, section, 'pairs of commands');
    commands.push(readCommand(asInt(code, `command of ${section}`), argument, section));
  }
  return commands;
}

function readCommand(code: number, argument: CborItem, section: Section): Command {
  if (code === COMMAND.setComponent) return { do: 'set-component', index: readIndex(argument) };
  if (code === COMMAND.overrideParameters) return { do: 'override', parameters: readParameters(argument) };
  const known = COMMANDS.get(code);
  if (known === undefined || !known.sections.includes(section)) {
    throw new IotError(
      'E_COMMAND',
      `command ${code} at offset ${argument.offset} is not supported in ${section}`,
    );
  }
  if (asUint(argument, 'reporting policy') > REPORT_ALL) wrong(argument, 'reporting policy', '0 to 15');
  return known.command;
}

function readIndex(argument: CborItem): number {
  // The draft also knows `true` and lists; one component at a time says the same.
  if (argument.kind !== 'int') {
    throw new IotError(
      'E_COMMAND',
      `set-component-index at offset ${argument.offset} names several components`,
    );
  }
  return asUint(argument, 'component index');
}

function readParameters(item: CborItem): Parameters {
  const members = Members.of(item, 'parameters');
  const uuid = (value: CborItem, what: string) => asBytes(value, what, UUID_BYTES);
  const parameters: Parameters = {
    vendor: members.optional(PARAMETER.vendor, 'vendor', uuid),
    class: members.optional(PARAMETER.class, 'class', uuid),
    device: members.optional(PARAMETER.device, 'device', uuid),
    digest: members.optional(PARAMETER.digest, 'image digest', (value, what) =>
      readDigest(unwrap(value, what), what),
    ),
    size: members.optional(PARAMETER.imageSize, 'image size', asUint),
    uri: members.optional(PARAMETER.uri, 'uri', asText),
    useBefore: members.optional(PARAMETER.useBefore, 'use-before', asUint),
    priority: members.optional(PARAMETER.priority, 'priority', asInt),
    version: members.optional(PARAMETER.version, 'version', readMatch),
    securityFloor: members.optional(PARAMETER.securityFloor, 'security floor', asUint),
    chunkDigests: members.optional(PARAMETER.chunkDigests, 'chunk digests', readChunkDigests),
    probationSeconds: members.optional(PARAMETER.probation, 'probation', readProbation),
    replaceIdentity: members.optional(PARAMETER.replaceIdentity, 'replace-identity', readFlag),
  };
  members.end('E_COMMAND');
  return parameters;
}

function readMatch(item: CborItem, what: string): readonly [Comparison, Version] {
  const inner = unwrap(item, what);
  const [type, version] = asArray(inner, what, 2) as [CborItem, CborItem];
  const number = asUint(type, `comparison of ${what}`);
  const comparison = (Object.keys(COMPARISONS) as Comparison[]).find((name) => COMPARISONS[name] === number);
  return [comparison ?? wrong(type, `comparison of ${what}`, '1 to 5'), readVersion(version, what)];
}

function readFlag(item: CborItem, what: string): boolean {
  const flag = asUint(item, what);
  return flag <= 1 ? flag === 1 : wrong(item, what, '0 or 1');
}

/** A copy: whoever reuses the input must not change it. Their number is compared with the size when both are known. */
function readChunkDigests(item: CborItem, what: string): Uint8Array {
  const bytes = asBytes(item, what);
  if (bytes.length % CHUNK_DIGEST_BYTES === 0) return Uint8Array.from(bytes);
  return wrong(item, what, `a multiple of ${CHUNK_DIGEST_BYTES} bytes`);
}

function readProbation(item: CborItem, what: string): number {
  const members = Members.of(item, what);
  const seconds = members.required(1, 'seconds', asUint);
  members.end('E_COMMAND');
  return seconds;
}
