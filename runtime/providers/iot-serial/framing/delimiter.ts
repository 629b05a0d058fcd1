import { type Framed, type Framer, NOTHING } from './framer.js';

/** Frames that end with certain bytes. One that grows too long is dropped up to its end. */
export class DelimiterFramer implements Framer {
  readonly quietMs = undefined;
  private kept: Buffer = Buffer.alloc(0);
  /** Inside a frame that is too long. */
  private skipping = false;

  constructor(
    private readonly delimiter: Uint8Array,
    private readonly maxFrame: number,
  ) {}

  push(bytes: Uint8Array): Framed {
    let rest = Buffer.concat([this.kept, bytes]);
    const frames: Uint8Array[] = [];
    let dropped = 0;
    // The delimiter may have begun in what was kept, never further back than its own length.
    let from = Math.max(0, this.kept.length - this.delimiter.length + 1);
    for (;;) {
      const end = rest.indexOf(this.delimiter, from);
      if (end < 0) break;
      if (this.skipping || end > this.maxFrame) dropped += end + this.delimiter.length;
      else frames.push(rest.subarray(0, end));
      this.skipping = false;
      rest = rest.subarray(end + this.delimiter.length);
      from = 0;
    }
    const most = this.skipping ? this.delimiter.length - 1 : this.maxFrame + this.delimiter.length;
    if (rest.length > most) {
      // Its last bytes may be the beginning of the delimiter.
      const tail = rest.subarray(rest.length - this.delimiter.length + 1);
      dropped += rest.length - tail.length;
      this.skipping = true;
      rest = tail;
    }
    this.kept = Buffer.from(rest);
    return { frames, dropped };
  }

  silence(): Framed {
    return NOTHING;
  }

  reset(): void {
    this.kept = Buffer.alloc(0);
    this.skipping = false;
  }
}
