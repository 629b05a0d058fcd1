import { type Framed, type Framer, NOTHING } from './framer.js';

export interface LengthPrefix {
  readonly bytes: 1 | 2 | 4;
  readonly endian: 'big' | 'little';
  readonly adjust: number;
}

/**
 * Frames that begin with their length, which is not part of them. A length that cannot be is garbage, and so is all
 * that comes with it: the next frame begins after a silence.
 */
export class LengthFramer implements Framer {
  private kept: Buffer = Buffer.alloc(0);
  private skipping = false;

  constructor(
    private readonly prefix: LengthPrefix,
    readonly quietMs: number,
    private readonly maxFrame: number,
  ) {}

  push(bytes: Uint8Array): Framed {
    if (this.skipping) return { frames: [], dropped: bytes.length };
    let rest = Buffer.concat([this.kept, bytes]);
    const frames: Uint8Array[] = [];
    while (rest.length >= this.prefix.bytes) {
      const length = this.read(rest) + this.prefix.adjust;
      if (length < 0 || length > this.maxFrame) {
        const dropped = rest.length;
        this.reset();
        this.skipping = true;
        return { frames, dropped };
      }
      const end = this.prefix.bytes + length;
      if (rest.length < end) break;
      frames.push(Uint8Array.from(rest.subarray(this.prefix.bytes, end)));
      rest = rest.subarray(end);
    }
    this.kept = Buffer.from(rest);
    return { frames, dropped: 0 };
  }

  silence(): Framed {
    const dropped = this.kept.length;
    this.reset();
    return dropped === 0 ? NOTHING : { frames: [], dropped };
  }

  reset(): void {
    this.kept = Buffer.alloc(0);
    this.skipping = false;
  }

  private read(from: Buffer): number {
    const { bytes, endian } = this.prefix;
    return endian === 'big' ? from.readUIntBE(0, bytes) : from.readUIntLE(0, bytes);
  }
}
