import { Bytes } from './bytes';

/** What was wrong with the bytes a reader read. */
export const enum Problem {
  None,
  Short,
  Trailing,
  Head,
  Map,
  Text,
  Integer,
  Number,
  Boolean,
  Missing,
}

/** Reads a buffer from the front. After the first problem every read gives zero or empty. */
export class Reader {
  at: usize = 0;
  end: usize = 0;
  problem: Problem = Problem.None;

  // @ts-ignore: decorator
  @inline
  open(bytes: Bytes): void {
    this.at = bytes.at;
    this.end = bytes.at + bytes.size;
    this.problem = Problem.None;
  }

  // @ts-ignore: decorator
  @inline
  get left(): u32 {
    return <u32>(this.end - this.at);
  }

  reject(problem: Problem): void {
    if (this.problem == Problem.None) this.problem = problem;
    this.at = this.end;
  }

  /** Address of the next `size` bytes, or 0 with a problem set. */
  take(size: u32): usize {
    const at = this.at;
    if (size > <u32>(this.end - at) || this.problem != Problem.None) {
      this.reject(Problem.Short);
      return 0;
    }
    this.at = at + size;
    return at;
  }

  /** A big-endian number of 1, 2, 4 or 8 bytes. */
  takeNumber(size: u32): u64 {
    const at = this.take(size);
    let value: u64 = 0;
    if (at) for (let i: u32 = 0; i < size; i++) value = (value << 8) | load<u8>(at + i);
    return value;
  }

  takeFloat(size: u32): f64 {
    const bits = this.takeNumber(size);
    if (size == 8) return reinterpret<f64>(bits);
    if (size == 4) return reinterpret<f32>(<u32>bits);
    // Half precision, RFC 8949 appendix D.
    const exponent = <u32>(bits >> 10) & 31;
    const mantissa = <f64>(bits & 1023);
    let value = exponent == 0 ? mantissa / 16777216 : ((mantissa + 1024) / 33554432) * <f64>(<u32>1 << exponent);
    if (exponent == 31) value = mantissa != 0 ? NaN : Infinity;
    return bits & 0x8000 ? -value : value;
  }

  /** An integral float as an integer, so that a peer may write 1.7e12 as a float. */
  integral(value: f64): i64 {
    // 2^63 itself does not fit; a conversion out of range would trap.
    if (value >= -9223372036854775808.0 && value < 9223372036854775808.0) {
      const whole = <i64>value;
      if (<f64>whole == value) return whole;
    }
    this.reject(Problem.Integer);
    return 0;
  }
}
