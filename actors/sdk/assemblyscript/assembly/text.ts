import { panic } from './abort';
import { Bytes } from './bytes';
import { encodeUtf8 } from './utf8';

/** Room for all constant texts of an actor together, in bytes of UTF-8. */
const TEXTS_MAX = 4096;
const texts = memory.data(TEXTS_MAX, 8);
let used: i32 = 0;
let sealed = false;

/** From the first call on no text may be made: nothing is ever freed. */
// @ts-ignore: decorator
@inline
export function sealTexts(): void {
  sealed = true;
}

/**
 * A constant text as UTF-8. Strings are UTF-16 here, so it is converted once, while the module starts:
 * `const LED = text('LED')` at top level. Aborts when called later, or when all texts exceed 4096 bytes.
 */
export function text(value: string): Bytes {
  if (sealed) panic('text() belongs at top level, not into a handler');
  const at = texts + used;
  const size = encodeUtf8(value, at, TEXTS_MAX - used);
  if (size < 0) panic('the constant texts of this actor do not fit into 4096 bytes');
  used += size;
  const bytes = new Bytes();
  bytes.set(at, size);
  return bytes;
}
