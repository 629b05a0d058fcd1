/** `value` (0 to 2^32 - 1) as unsigned LEB128 of minimal length. */
export function encodeU32(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const group = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest === 0 ? group : group | 0x80);
  } while (rest !== 0);
  return Uint8Array.from(bytes);
}
