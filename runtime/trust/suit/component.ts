import { IotError } from '../../base/errors.js';
import { toHex } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { asArray, asBytes, wrong } from '../cbor/shape.js';
import { writeCbor } from '../cbor/writer.js';

/**
 * `SUIT_Component_Identifier` as text segments, for example `['actor', 'blink']`. It is looked up, never joined
 * into a path: a segment may well be `..`.
 */
export type ComponentId = readonly string[];

const MAX_SEGMENTS = 8;
const MAX_SEGMENT_BYTES = 64;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The CBOR value of a component id: an array of byte strings. Throws E_USAGE for what no device would accept. */
export function componentValue(id: ComponentId): readonly Uint8Array[] {
  const segments = id.map((segment) => new TextEncoder().encode(segment));
  const fits = segments.every((segment) => segment.length > 0 && segment.length <= MAX_SEGMENT_BYTES);
  if (!fits || segments.length > MAX_SEGMENTS) {
    throw new IotError(
      'E_USAGE',
      `component ${componentText(id)} must have at most ${MAX_SEGMENTS} parts of 1 to ${MAX_SEGMENT_BYTES} bytes`,
    );
  }
  return segments;
}

/** Reads a component id, or a prefix of one: no segments at all is a prefix of everything. Throws E_ENVELOPE. */
export function readComponentPrefix(item: CborItem, what: string): ComponentId {
  const segments = asArray(item, what);
  if (segments.length > MAX_SEGMENTS) return wrong(item, what, `of at most ${MAX_SEGMENTS} parts`);
  return segments.map((segment) => {
    const bytes = asBytes(segment, what);
    if (bytes.length === 0 || bytes.length > MAX_SEGMENT_BYTES) {
      return wrong(segment, what, `a part of 1 to ${MAX_SEGMENT_BYTES} bytes`);
    }
    try {
      return UTF8.decode(bytes);
    } catch {
      return wrong(segment, what, 'valid UTF-8');
    }
  });
}

/** Reads a whole component id: at least one segment. */
export function readComponentId(item: CborItem, what: string): ComponentId {
  const id = readComponentPrefix(item, what);
  return id.length === 0 ? wrong(item, what, 'a component of at least one part') : id;
}

/** Whether `id` lies under `prefix`: segment by segment, never as text. */
export function isUnder(prefix: ComponentId, id: ComponentId): boolean {
  return prefix.length <= id.length && prefix.every((segment, index) => segment === id[index]);
}

/** One string for each id, to be used as a map key (hexadecimal of the encoded id). */
export function componentKey(id: ComponentId): string {
  return toHex(writeCbor(componentValue(id)));
}

/** For messages only: two ids may read the same. */
export function componentText(id: ComponentId): string {
  return id.join('/');
}
