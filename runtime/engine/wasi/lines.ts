const NEWLINE = 0x0a;
/** A longer line is logged in pieces. */
export const MAX_LINE_BYTES = 8192;
const decoder = new TextDecoder();

/** One of a guest's two outputs, as lines of the log. */
export class Lines {
  readonly #log: (line: string) => void;
  #pending: Uint8Array[] = [];
  #length = 0;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** Copies what it keeps: the bytes are the guest's. */
  write(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const room = MAX_LINE_BYTES - this.#length;
      const end = rest.subarray(0, room + 1).indexOf(NEWLINE);
      const length = end < 0 ? Math.min(rest.length, room) : end;
      this.#pending.push(rest.slice(0, length));
      this.#length += length;
      rest = rest.subarray(end < 0 ? length : length + 1);
      if (end >= 0) this.#emit();
      else if (rest.length > 0) this.flush();
    }
  }

  /** Logs what has no newline yet; called when the guest's call is over. */
  flush(): void {
    if (this.#length > 0) this.#emit();
  }

  #emit(): void {
    const text = decoder.decode(Buffer.concat(this.#pending));
    this.#pending = [];
    this.#length = 0;
    this.#log(text);
  }
}
