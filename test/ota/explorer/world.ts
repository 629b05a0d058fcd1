/** What the outside knows and has seen, whatever happens to the device. Plain data. */
export interface World {
  /** Index of the step that is desired. */
  step: number;
  /** Step → the end of it that was reported. */
  endings: Record<number, string>;
  /** Step → the end of it that a signed report was taken of. */
  reports: Record<number, string>;
  /** Highest floor that the device has shown since its trust document was followed by another. */
  floor: number;
  /** Highest version of a trust document that the device has said it took. */
  trust: number;
  /** Digest → how often a module was started to be tried. */
  starts: Record<string, number>;
  /** Times that a module stopped the host. */
  deaths: number;
}

export function newWorld(): World {
  return { step: 0, endings: {}, reports: {}, floor: 0, trust: 0, starts: {}, deaths: 0 };
}

/** The last step that the outside believes to be active; -1 when there was none. */
export function lastActive({ endings }: World): number {
  return Math.max(
    -1,
    ...Object.keys(endings)
      .map(Number)
      .filter((step) => endings[step] === 'active'),
  );
}
