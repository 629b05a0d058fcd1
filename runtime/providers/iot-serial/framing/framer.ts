/** What became of bytes: whole frames, and how many bytes had to be dropped to go on. */
export interface Framed {
  readonly frames: readonly Uint8Array[];
  readonly dropped: number;
}

export const NOTHING: Framed = { frames: [], dropped: 0 };

/** Cuts a stream of bytes into frames. Never keeps more than one frame of the longest length. */
export interface Framer {
  push(bytes: Uint8Array): Framed;
  /** Milliseconds of silence after which `silence` is to be called, while something is kept; `undefined`: never. */
  readonly quietMs: number | undefined;
  /** Nothing has come for `quietMs`. */
  silence(): Framed;
  /** Forgets what is kept: the port was opened anew. */
  reset(): void;
}
