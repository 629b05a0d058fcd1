import { type Framed, type Framer, NOTHING } from './framer.js';

/** Frames that end with silence, as in Modbus RTU. One that grows too long is dropped up to the silence. */
export class GapFramer implements Framer {
  private kept: Uint8Array[] = [];
  private length = 0;
  private skipping = false;

  constructor(
    readonly quietMs: number,
    private readonly maxFrame: number,
  ) {}

  push(bytes: Uint8Array): Framed {
    if (this.skipping) return { frames: [], dropped: bytes.length };
    this.kept.push(Uint8Array.from(bytes));
    this.length += bytes.length;
    if (this.length <= this.maxFrame) return NOTHING;
    const dropped = this.length;
    this.reset();
    this.skipping = true;
    return { frames: [], dropped };
  }

  silence(): Framed {
    const frames = this.length === 0 ? [] : [new Uint8Array(Buffer.concat(this.kept))];
    this.reset();
    return { frames, dropped: 0 };
  }

  reset(): void {
    this.kept = [];
    this.length = 0;
    this.skipping = false;
  }
}
