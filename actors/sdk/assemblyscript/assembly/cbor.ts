import { Bytes } from './bytes';
import { Problem, Reader } from './reader';
import { Writer } from './writer';

// Major types and simple values, RFC 8949 section 3.
const enum Major { Unsigned, Negative, Blob, Text, Array, Map, Tag, Simple }
const enum Simple { False = 20, True = 21, Null = 22, Undefined = 23, Float16 = 25, Float64 = 27 }

/** Writes CBOR, the codec of every `iot:*` contract. */
export class CborWriter extends Writer {
  private head(major: Major, value: u64): void {
    const first = <u32>major << 5;
    if (value < 24) this.putNumber(first | <u32>value, 0, 0);
    else if (value <= 0xff) this.putNumber(first | 24, value, 1);
    else if (value <= 0xffff) this.putNumber(first | 25, value, 2);
    else if (value <= 0xffffffff) this.putNumber(first | 26, value, 4);
    else this.putNumber(first | 27, value, 8);
  }

  map(pairs: i32): void {
    this.head(Major.Map, pairs);
  }
  array(items: i32): void {
    this.head(Major.Array, items);
  }
  text(value: Bytes): void {
    this.head(Major.Text, value.size);
    this.put(value);
  }
  blob(value: Bytes): void {
    this.head(Major.Blob, value.size);
    this.put(value);
  }
  int(value: i64): void {
    if (value < 0) this.head(Major.Negative, ~value);
    else this.head(Major.Unsigned, value);
  }
  bool(value: bool): void {
    this.head(Major.Simple, value ? Simple.True : Simple.False);
  }
  float(value: f64): void {
    this.putNumber((Major.Simple << 5) | Simple.Float64, reinterpret<u64>(value), 8);
  }
  null(): void {
    this.head(Major.Simple, Simple.Null);
  }
}

/**
 * Reads CBOR with definite lengths and text keys. A map is read with
 * `for (let n = r.map(); n > 0; n--) { r.text(key); if (key.equals(ID)) r.text(id); else r.skip(); }`, which ends early
 * at a problem because counts are checked against what is left and reads behind a problem cost nothing.
 */
export class CborReader extends Reader {
  private major: Major = Major.Simple;
  private info: u32 = 0;

  /** Reads the head of the next value; tags say nothing that these contracts need and are stepped over. */
  private head(): u64 {
    do {
      const at = this.take(1);
      if (!at) return 0;
      const first = <u32>load<u8>(at);
      this.major = <Major>(first >> 5);
      const info = first & 31;
      this.info = info;
      if (info > 27) {
        this.reject(Problem.Head);
        return 0;
      }
      const value = info < 24 ? <u64>info : this.takeNumber(1 << (info - 24));
      if (this.major != Major.Tag) return value;
    } while (this.problem == Problem.None);
    return 0;
  }

  // Every item takes at least one byte, so a count beyond what is left is a lie and must not start a loop.
  private counted(major: Major, bytesEach: u32): i32 {
    const count = this.head();
    if (this.problem != Problem.None) return 0;
    if (this.major != major) this.reject(Problem.Map);
    else if (count > <u64>(this.left / bytesEach)) this.reject(Problem.Short);
    else return <i32>count;
    return 0;
  }

  private string(low: Major, into: Bytes): void {
    const size = this.head();
    into.set(0, 0);
    if (this.problem != Problem.None) return;
    if (this.major < low || this.major > Major.Text) return this.reject(Problem.Text);
    if (size > <u64>this.left) return this.reject(Problem.Short);
    into.set(this.take(<u32>size), <i32>size);
  }

  private isFloat(): bool {
    return this.major == Major.Simple && this.info >= <u32>Simple.Float16;
  }

  private float64Of(): f64 {
    // The number's bits were consumed with the head: read them again as a float.
    const size: u32 = 1 << (this.info - 24);
    this.at -= size;
    return this.takeFloat(size);
  }

  /** Number of pairs; 0 with a problem set when the next value is no map. */
  map(): i32 {
    return this.counted(Major.Map, 2);
  }
  array(): i32 {
    return this.counted(Major.Array, 1);
  }
  text(into: Bytes): void {
    this.string(Major.Text, into);
  }
  /** A byte string; text is taken too, for peers that do not tell the two apart. */
  blob(into: Bytes): void {
    this.string(Major.Blob, into);
  }

  /** Integers of any width that fit into 64 bits with sign; an integral float counts as one. */
  int(): i64 {
    const value = this.head();
    if (this.problem != Problem.None) return 0;
    if (this.isFloat()) return this.integral(this.float64Of());
    if (this.major <= Major.Negative && value <= <u64>i64.MAX_VALUE) {
      return this.major == Major.Negative ? ~(<i64>value) : <i64>value;
    }
    this.reject(Problem.Integer);
    return 0;
  }

  /** true and false; 1 and 0 count too, because levels of a line are written either way. */
  bool(): bool {
    const value = this.head();
    if (this.problem != Problem.None) return false;
    if (this.major == Major.Simple && (this.info == Simple.True || this.info == Simple.False)) return value == Simple.True;
    if (this.major == Major.Unsigned && value <= 1) return value == 1;
    this.reject(Problem.Boolean);
    return false;
  }

  float(): f64 {
    const value = this.head();
    if (this.problem != Problem.None) return 0;
    if (this.isFloat()) return this.float64Of();
    if (this.major == Major.Unsigned) return <f64>value;
    if (this.major == Major.Negative) return -1.0 - <f64>value;
    this.reject(Problem.Number);
    return 0;
  }

  /** Steps over null or undefined if that is what comes next. */
  null(): bool {
    if (this.at == this.end) return false;
    const first = <u32>load<u8>(this.at);
    if (first != ((Major.Simple << 5) | Simple.Null) && first != ((Major.Simple << 5) | Simple.Undefined)) return false;
    this.at++;
    return true;
  }

  /** Steps over one value of any kind, however deep, without recursion. */
  skip(): void {
    for (let open: u32 = 1; open > 0; open--) {
      const value = this.head();
      if (this.problem != Problem.None) return;
      const major = this.major;
      if (major == Major.Blob || major == Major.Text) {
        if (value > <u64>this.left) return this.reject(Problem.Short);
        this.take(<u32>value);
      } else if (major == Major.Array || major == Major.Map) {
        const room = <u64>this.left;
        if (value > room) return this.reject(Problem.Short);
        const items = major == Major.Map ? value << 1 : value;
        if (items + open - 1 > room) return this.reject(Problem.Short);
        open += <u32>items;
      }
    }
  }

  /** True when everything was read and nothing was wrong. */
  finish(): bool {
    if (this.at != this.end) this.reject(Problem.Trailing);
    return this.problem == Problem.None;
  }
}
