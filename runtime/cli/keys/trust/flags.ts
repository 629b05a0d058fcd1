import { IotError } from '../../../base/errors.js';
import { ROLES, type RoleName } from '../../../trust/document/document.js';
import type { ComponentId } from '../../../trust/suit/component.js';
import { parseVersion } from '../../../trust/suit/version.js';
import { parseCount } from '../../duration.js';
import { parseInstant } from '../../module/instant.js';
import { distinctResets, type Edit } from './edit.js';

/** First part of the component id of every actor. */
const ACTOR = 'actor';
const MAX_SEQUENCE = Number.MAX_SAFE_INTEGER;

/** What may stand on the line of any command that makes the next version. */
export interface EditFlags {
  readonly threshold: readonly string[];
  readonly expires?: string;
  readonly component: readonly string[];
  readonly capability: readonly string[];
  readonly grow: readonly string[];
  readonly minHost?: string;
  readonly resetFloor: readonly string[];
  readonly block: readonly string[];
  readonly unblock: readonly string[];
}

/** Throws E_USAGE. */
export function editOf(flags: Partial<EditFlags>): Edit {
  const { threshold = [], component = [], capability = [], grow = [], resetFloor = [] } = flags;
  return {
    thresholds: single('--threshold', threshold, parseCount),
    mayGrow: single('--grow', grow, parseYesNo),
    components: lists('--component', component, parsePrefix),
    capabilities: lists('--capability', capability, (text) => text),
    floorResets: distinctResets(resetFloor.map(parseReset)),
    block: (flags.block ?? []).map(parseDigest),
    unblock: (flags.unblock ?? []).map(parseDigest),
    ...(flags.expires === undefined ? {} : { expires: parseExpiry(flags.expires) }),
    ...(flags.minHost === undefined ? {} : { minimumHost: parseVersion(flags.minHost) }),
  };
}

/** `ROLE=VALUE`, the later one for a role holds. */
function single<T>(option: string, texts: readonly string[], parse: (text: string) => T): Map<RoleName, T> {
  return new Map(
    texts.map((text) => {
      const [role, value] = splitRole(option, text);
      return [role, parse(value)];
    }),
  );
}

/** `ROLE=A,B`, where a word without `=` goes on with the list before it; `ROLE=` alone is the empty list. */
function lists<T>(option: string, texts: readonly string[], parse: (text: string) => T): Map<RoleName, T[]> {
  const found = new Map<RoleName, T[]>();
  let role: RoleName | undefined;
  for (const text of texts) {
    let value = text;
    if (role === undefined || text.includes('=')) [role, value] = splitRole(option, text);
    const list = found.get(role) ?? [];
    found.set(role, value === '' ? list : [...list, parse(value)]);
  }
  return found;
}

function splitRole(option: string, text: string): [role: RoleName, value: string] {
  const at = text.indexOf('=');
  const role = ROLES.find((name) => name === text.slice(0, at));
  if (at > 0 && role !== undefined) return [role, text.slice(at + 1)];
  throw new IotError('E_USAGE', `${option}: "${text}" does not begin with a role and =`, {
    hint: `${option} release=…; roles are ${ROLES.join(', ')}`,
  });
}

/** `actor/lamp`; a name alone is an actor's slot, `*` is everything. */
function parsePrefix(text: string): ComponentId {
  if (text === '*') return [];
  const parts = text.split('/');
  if (parts.every((part) => part !== '')) return parts.length === 1 ? [ACTOR, text] : parts;
  throw new IotError('E_USAGE', `"${text}" is no component`, { hint: '--component release=actor/lamp' });
}

/** `SLOT` starts anew from now, in the way that pushes are numbered: by Unix seconds. */
function parseReset(text: string): { component: ComponentId; floor: number } {
  const [slot = '', number, ...more] = text.split('=');
  const floor = number === undefined ? Math.floor(Date.now() / 1000) : Number(number);
  const fits = Number.isSafeInteger(floor) && floor >= 0 && floor < MAX_SEQUENCE && number !== '';
  if (slot !== '' && fits && more.length === 0) return { component: parsePrefix(slot), floor };
  throw new IotError('E_USAGE', `"${text}" is no slot and sequence number`, {
    hint: '--reset-floor blink, or --reset-floor blink=1700000000',
  });
}

function parseDigest(text: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  throw new IotError('E_USAGE', `"${text}" is not the SHA-256 of a module`, {
    hint: 'sha256sum FILE prints it: 64 hexadecimal digits',
  });
}

function parseExpiry(text: string): number | null {
  return text === 'never' ? null : parseInstant(text);
}

function parseYesNo(text: string): boolean {
  if (text === 'yes' || text === 'no') return text === 'yes';
  throw new IotError('E_USAGE', `--grow: "${text}" is neither yes nor no`, { hint: '--grow release=no' });
}
