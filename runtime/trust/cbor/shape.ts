import { IotError } from '../../base/errors.js';
import type { ReasonCode } from '../../base/reasons.js';
import type { ArrayItem, CborItem, MapItem } from './item.js';
import { readCbor } from './reader.js';

/** Each of these takes an item apart as one kind of thing, or throws E_ENVELOPE naming `what` and the offset. */
export function asUint(item: CborItem, what: string): number {
  if (item.kind !== 'int' || typeof item.value !== 'number' || item.value < 0) {
    return wrong(item, what, 'an unsigned integer of at most 2^53-1');
  }
  return item.value;
}

export function asInt(item: CborItem, what: string): number {
  if (item.kind !== 'int' || typeof item.value !== 'number') {
    return wrong(item, what, 'an integer of at most 53 bits');
  }
  return item.value;
}

/** `length`: the exact number of bytes, when there is only one. */
export function asBytes(item: CborItem, what: string, length?: number): Uint8Array {
  if (item.kind !== 'bytes') return wrong(item, what, 'a byte string');
  if (length !== undefined && item.value.length !== length) {
    return wrong(item, what, `${length} bytes long`);
  }
  return item.value;
}

export function asText(item: CborItem, what: string): string {
  return item.kind === 'text' ? item.value : wrong(item, what, 'text');
}

export function asArray(item: CborItem, what: string, length?: number): readonly CborItem[] {
  if (item.kind !== 'array') return wrong(item, what, 'an array');
  if (length !== undefined && item.items.length !== length) {
    return wrong(item, what, `an array of ${length}`);
  }
  return item.items;
}

/** At least one element: the first, and all of them. */
export function asNonEmpty(item: CborItem, what: string): readonly [CborItem, ArrayItem['items']] {
  const items = asArray(item, what);
  const [first] = items;
  return first === undefined ? wrong(item, what, 'an array of at least one') : [first, items];
}

export function asMap(item: CborItem, what: string): MapItem {
  return item.kind === 'map' ? item : wrong(item, what, 'a map');
}

export function asTagged(item: CborItem, tag: number, what: string): CborItem {
  return item.kind === 'tag' && item.tag === tag ? item.item : wrong(item, what, `tag ${tag}`);
}

/** Reads the item inside a byte string (`bstr .cbor`); offsets keep counting from the outermost input. */
export function unwrap(item: CborItem, what: string): CborItem {
  const bytes = asBytes(item, what);
  return readCbor(bytes, { offset: item.offset + item.raw.length - bytes.length });
}

/** Reads the member of one key; `T` is what it makes of it. */
export type MemberReader<T> = (item: CborItem, what: string) => T;

/** The members of a map by integer or text key. Ask for every known one, then `end()` refuses the others. */
export class Members {
  private readonly left: Map<number | string, CborItem>;

  constructor(
    private readonly map: MapItem,
    private readonly what: string,
  ) {
    this.left = new Map();
    for (const [key, value] of map.entries) {
      if (key.kind === 'bytes' || typeof key.value === 'bigint')
        wrong(key, `key of ${what}`, 'small or text');
      else this.left.set(key.value, value);
    }
  }

  static of(item: CborItem, what: string): Members {
    return new Members(asMap(item, what), what);
  }

  optional<T>(key: number | string, name: string, read: MemberReader<T>): T | undefined {
    const item = this.left.get(key);
    this.left.delete(key);
    return item === undefined ? undefined : read(item, `${name} of ${this.what}`);
  }

  required<T>(key: number | string, name: string, read: MemberReader<T>): T {
    const item = this.left.get(key);
    if (item === undefined) return wrong(this.map, this.what, `with ${name} (${key})`);
    this.left.delete(key);
    return read(item, `${name} of ${this.what}`);
  }

  /** What has not been asked for yet. */
  rest(): ReadonlyMap<number | string, CborItem> {
    return this.left;
  }

  /** Throws `code` when members are left that nobody asked for. */
  end(code: ReasonCode = 'E_ENVELOPE'): void {
    const [unknown] = this.left;
    if (unknown === undefined) return;
    const [key, item] = unknown;
    throw new IotError(code, `${this.what} at offset ${item.offset}: member ${key} is not known here`);
  }
}

export function wrong(item: CborItem, what: string, expected: string): never {
  throw new IotError('E_ENVELOPE', `${what} at offset ${item.offset} is not ${expected}`);
}
