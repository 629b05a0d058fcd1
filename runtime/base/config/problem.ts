/** One thing wrong in a file: where (`offset` into its text), under which key, and what was expected. */
export interface Problem {
  readonly offset: number;
  /** `actors[0].limits.fuelPerCall`; empty for the file as a whole. */
  readonly key: string;
  readonly text: string;
}

/** `['actors', 0, 'name']` → `actors[0].name`. */
export function keyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
