/** Bluetooth's base UUID, of which the short ones are abbreviations (Core specification, Vol 3 Part B 2.5.1). */
const BASE = '00001000800000805f9b34fb';

/** What may be written for a UUID: 16, 32 or 128 bits in hex, the long form with or without dashes. */
export const UUID_TEXT =
  /^(?:[0-9a-f]{4}|[0-9a-f]{8}|[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;

/**
 * One spelling for each UUID: lower case, no dashes, as short as it goes: `180d`, not `0000180D-0000-1000-8000-…`. The
 * packages leave out zeros in front (`d` for `000d`).
 */
export function shortUuid(text: string): string {
  const hex = text.toLowerCase().replaceAll('-', '');
  const start = (hex.length === 32 && hex.endsWith(BASE) ? hex.slice(0, 8) : hex).padStart(4, '0');
  return start.length === 8 && start.startsWith('0000') ? start.slice(4) : start;
}

const ADDRESS = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
/** An address or its beginning, with `*` in place of the rest. */
const ADDRESS_PATTERN = /^(?:(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|(?:[0-9a-f]{2}:){1,5}(?:[0-9a-f]{1,2})?\*)$/i;

/** The id of the peripheral with this address: `a4:c1:38:00:00:01` is `a4c138000001`. Other ids stay as they are. */
export function peripheralId(text: string): string {
  return ADDRESS.test(text) || /^[0-9a-f]{12}$/i.test(text) ? text.replaceAll(':', '').toLowerCase() : text;
}

/** `a4c138000001` → `a4:c1:38:00:00:01`; `undefined` for an id that is no address. */
export function addressOf(id: string): string | undefined {
  return /^[0-9a-f]{12}$/.test(id) ? id.match(/../g)?.join(':') : undefined;
}

/**
 * Whether `pattern` names this peripheral. One that looks like an address is compared with the address only: else any
 * peripheral could call itself like somebody else's address.
 */
export function names(pattern: string, address: string, name: string | undefined): boolean {
  if (pattern === '*') return true;
  if (ADDRESS_PATTERN.test(pattern)) return fits(pattern.toLowerCase(), address.toLowerCase());
  return name !== undefined && fits(pattern, name);
}

function fits(pattern: string, text: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
