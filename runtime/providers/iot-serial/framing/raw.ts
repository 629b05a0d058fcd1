import { type Framed, type Framer, NOTHING } from './framer.js';

/** Bytes as they come; cut only where they are too many at once. */
export class RawFramer implements Framer {
  readonly quietMs = undefined;

  constructor(private readonly maxFrame: number) {}

  push(bytes: Uint8Array): Framed {
    const frames: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += this.maxFrame)
      frames.push(bytes.subarray(at, at + this.maxFrame));
    return { frames, dropped: 0 };
  }

  silence(): Framed {
    return NOTHING;
  }

  reset(): void {}
}
