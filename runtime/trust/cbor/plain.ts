import type { CborItem } from './item.js';
import { wrong } from './shape.js';
import type { PlainValue } from './value.js';

/**
 * The JavaScript value of an item: maps with text keys become objects, bytes become copies of their own, integers
 * beyond 2^53-1 bigints. Throws E_ENVELOPE for tags and for maps with other keys.
 */
export function toPlain(item: CborItem, what = 'value'): PlainValue {
  switch (item.kind) {
    case 'bytes':
      return Uint8Array.from(item.value);
    case 'array':
      return item.items.map((element) => toPlain(element, what));
    case 'map':
      // fromEntries defines own members, so a key `__proto__` is only a key.
      return Object.fromEntries(
        item.entries.map(([key, value]) => [
          key.kind === 'text' ? key.value : wrong(key, `key of ${what}`, 'text'),
          toPlain(value, what),
        ]),
      );
    case 'tag':
      return wrong(item, what, 'a value without tags');
    default:
      return item.value;
  }
}
