import { Bytes } from './bytes';
import { Problem, Reader } from './reader';
import { Writer } from './writer';

/** Writes MessagePack, the codec of every `wascc:*` contract: the part that keyvalue and logging need. */
export class MsgPackWriter extends Writer {
  map(pairs: i32): void {
    if (pairs < 16) this.putNumber(0x80 | pairs, 0, 0);
    else if (pairs <= 0xffff) this.putNumber(0xde, pairs, 2);
    else this.putNumber(0xdf, pairs, 4);
  }
  text(value: Bytes): void {
    const size = value.size;
    if (size < 32) this.putNumber(0xa0 | size, 0, 0);
    else if (size <= 0xff) this.putNumber(0xd9, size, 1);
    else if (size <= 0xffff) this.putNumber(0xda, size, 2);
    else this.putNumber(0xdb, size, 4);
    this.put(value);
  }
  blob(value: Bytes): void {
    const size = value.size;
    if (size <= 0xff) this.putNumber(0xc4, size, 1);
    else if (size <= 0xffff) this.putNumber(0xc5, size, 2);
    else this.putNumber(0xc6, size, 4);
    this.put(value);
  }
  int(value: i64): void {
    if (value >= -32 && value < 128) this.putNumber(<u32>value, 0, 0);
    else if (value == <i64>(<i8>value)) this.putNumber(0xd0, value, 1);
    else if (value == <i64>(<i16>value)) this.putNumber(0xd1, value, 2);
    else if (value == <i64>(<i32>value)) this.putNumber(0xd2, value, 4);
    else this.putNumber(0xd3, value, 8);
  }
  bool(value: bool): void {
    this.putNumber(value ? 0xc3 : 0xc2, 0, 0);
  }
  nil(): void {
    this.putNumber(0xc0, 0, 0);
  }
}

/** Reads MessagePack; used as `CborReader` is. Bytes after the value are allowed: published modules write some. */
export class MsgPackReader extends Reader {
  private head(): u32 {
    const at = this.take(1);
    return at ? <u32>load<u8>(at) : 0xc1;
  }

  map(): i32 {
    const head = this.head();
    if (this.problem != Problem.None) return 0;
    let pairs: u64 = head & 15;
    if (head == 0xde || head == 0xdf) pairs = this.takeNumber(head == 0xde ? 2 : 4);
    else if (head >> 4 != 8) this.reject(Problem.Map);
    if (this.problem == Problem.None && pairs > <u64>(this.left >> 1)) this.reject(Problem.Short);
    return this.problem == Problem.None ? <i32>pairs : 0;
  }

  /** Text or bytes: the older generation of the codec does not tell them apart. */
  text(into: Bytes): void {
    const head = this.head();
    into.set(0, 0);
    if (this.problem != Problem.None) return;
    let size = head & 31;
    if (head >= 0xd9 && head <= 0xdb) size = <u32>this.takeNumber(1 << (head - 0xd9));
    else if (head >= 0xc4 && head <= 0xc6) size = <u32>this.takeNumber(1 << (head - 0xc4));
    else if (head >> 5 != 5) return this.reject(Problem.Text);
    const at = this.take(size);
    if (at) into.set(at, <i32>size);
  }

  int(): i64 {
    const head = this.head();
    if (this.problem != Problem.None) return 0;
    if (head < 0x80 || head >= 0xe0) return <i64>(<i8>head);
    if (head == 0xca || head == 0xcb) return this.integral(this.takeFloat(head == 0xca ? 4 : 8));
    const size: u32 = 1 << (head & 3);
    if (head >= 0xd0 && head <= 0xd3) {
      const unused = 64 - size * 8;
      return <i64>(this.takeNumber(size) << unused) >> unused;
    }
    if (head >= 0xcc && head <= 0xcf) {
      const value = this.takeNumber(size);
      if (value <= <u64>i64.MAX_VALUE) return <i64>value;
    }
    this.reject(Problem.Integer);
    return 0;
  }

  bool(): bool {
    const head = this.head();
    if (this.problem == Problem.None && head != 0xc2 && head != 0xc3) this.reject(Problem.Boolean);
    return this.problem == Problem.None && head == 0xc3;
  }

  /** Steps over nil if that is what comes next. */
  nil(): bool {
    if (this.at == this.end || load<u8>(this.at) != 0xc0) return false;
    this.at++;
    return true;
  }

  /** Steps over one value of any kind, however deep, without recursion. */
  skip(): void {
    for (let open: u32 = 1; open > 0; open--) {
      const head = this.head();
      if (this.problem != Problem.None) return;
      if (head == 0xc1) return this.reject(Problem.Head);
      let bytes: u64 = 0;
      let items: u64 = 0;
      if (head >= 0x80 && head < 0x90) items = (head & 15) << 1;
      else if (head >= 0x90 && head < 0xa0) items = head & 15;
      else if (head >= 0xa0 && head < 0xc0) bytes = head & 31;
      else if (head >= 0xc4 && head <= 0xc6) bytes = this.takeNumber(1 << (head - 0xc4));
      else if (head >= 0xc7 && head <= 0xc9) bytes = 1 + this.takeNumber(1 << (head - 0xc7));
      else if (head == 0xca || head == 0xcb) bytes = 4 << (head - 0xca);
      else if (head >= 0xcc && head <= 0xd3) bytes = 1 << (head & 3);
      else if (head >= 0xd4 && head <= 0xd8) bytes = 1 + (1 << (head - 0xd4));
      else if (head >= 0xd9 && head <= 0xdb) bytes = this.takeNumber(1 << (head - 0xd9));
      else if (head == 0xdc || head == 0xdd) items = this.takeNumber(2 << (head - 0xdc));
      else if (head == 0xde || head == 0xdf) items = this.takeNumber(2 << (head - 0xde)) << 1;
      const room = <u64>this.left;
      if (bytes > room || items + open - 1 > room) return this.reject(Problem.Short);
      this.take(<u32>bytes);
      open += <u32>items;
    }
  }

  finish(): bool {
    return this.problem == Problem.None;
  }
}
