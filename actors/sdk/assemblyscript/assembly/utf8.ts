/** Writes UTF-8; returns its length, or -1 when it does not fit. A lone surrogate becomes U+FFFD. */
export function encodeUtf8(value: string, to: usize, room: i32): i32 {
  const length = value.length;
  const from = changetype<usize>(value);
  let size = 0;
  for (let i = 0; i < length; i++) {
    let code = <u32>load<u16>(from + (<usize>i << 1));
    if (code >= 0xd800 && code < 0xe000) {
      const low = i + 1 < length ? <u32>load<u16>(from + (<usize>(i + 1) << 1)) : 0;
      if (code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        i++;
      } else {
        code = 0xfffd;
      }
    }
    const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (size + bytes > room) return -1;
    let at = to + size;
    size += bytes;
    if (bytes == 1) {
      store<u8>(at, code);
      continue;
    }
    store<u8>(at++, (0xf00 >> bytes) & 0xff | (code >> (6 * (bytes - 1))));
    for (let shift = 6 * (bytes - 2); shift >= 0; shift -= 6) store<u8>(at++, 0x80 | ((code >> shift) & 0x3f));
  }
  return size;
}
