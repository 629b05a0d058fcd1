/** `module` with a custom section of zeros behind it, so that it is about `size` bytes larger. */
export function padded(module: Uint8Array, size: number): Uint8Array {
  // Section 0; its length as LEB128 in four bytes; a name of one byte; then zeros.
  const length = [size, size >> 7, size >> 14].map((bits) => (bits & 0x7f) | 0x80);
  const bytes = new Uint8Array(module.length + 5 + size);
  bytes.set(module);
  bytes.set([0, ...length, (size >> 21) & 0x7f, 1, 0x70], module.length);
  return bytes;
}
