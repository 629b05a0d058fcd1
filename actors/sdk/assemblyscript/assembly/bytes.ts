/** A view of bytes in memory. It owns nothing: what it points at must outlive it. Make views at top level, reuse them. */
export class Bytes {
  at: usize = 0;
  size: i32 = 0;

  // @ts-ignore: decorator
  @inline
  set(at: usize, size: i32): void {
    this.at = at;
    this.size = size;
  }

  // @ts-ignore: decorator
  @inline
  copyFrom(other: Bytes): void {
    this.at = other.at;
    this.size = other.size;
  }

  equals(other: Bytes): bool {
    const size = this.size;
    if (size != other.size) return false;
    let a = this.at;
    let b = other.at;
    let left = size;
    // Eight bytes a turn: an interpreter pays for turns, not for bytes.
    for (; left >= 8; left -= 8, a += 8, b += 8) {
      if (load<u64>(a) != load<u64>(b)) return false;
    }
    for (; left > 0; left--, a++, b++) {
      if (load<u8>(a) != load<u8>(b)) return false;
    }
    return true;
  }

  /** The number that an optional minus sign and 1 to 18 digits spell, or `otherwise`. */
  decimal(otherwise: i64): i64 {
    let at = this.at;
    const end = at + this.size;
    const minus = at < end && load<u8>(at) == 0x2d;
    if (minus) at++;
    if (at == end || end - at > 18) return otherwise;
    let sum: i64 = 0;
    for (; at < end; at++) {
      const digit = <u32>load<u8>(at) - 0x30;
      if (digit > 9) return otherwise;
      sum = sum * 10 + digit;
    }
    return minus ? -sum : sum;
  }
}

export function copyBytes(to: usize, from: usize, size: i32): void {
  let left = size;
  for (; left >= 8; left -= 8, to += 8, from += 8) store<u64>(to, load<u64>(from));
  for (; left > 0; left--, to++, from++) store<u8>(to, load<u8>(from));
}
