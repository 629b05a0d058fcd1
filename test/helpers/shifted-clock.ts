import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Loaded before everything else: the wall clock is ahead by as many milliseconds as stand in a file. */
const PRELOAD = `
import { readFileSync } from 'node:fs';
const file = new URL('clock-shift', import.meta.url);
const RealDate = Date;
let shift = 0;
let readAt = -1;
function now() {
  const at = performance.now();
  if (readAt < 0 || at - readAt > 5) {
    shift = Number(readFileSync(file, 'utf8'));
    readAt = at;
  }
  return RealDate.now() + shift;
}
globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [now()] : given));
  }
  static now() {
    return now();
  }
};
`;

/** The wall clock of processes that are started with `env`; nothing but `Date` is moved. */
export class ShiftedClock {
  private constructor(
    private readonly folder: string,
    readonly env: Record<string, string>,
  ) {}

  /** `folder`: for its files. */
  static async make(folder: string): Promise<ShiftedClock> {
    const preload = join(folder, 'clock-preload.mjs');
    await writeFile(preload, PRELOAD);
    const clock = new ShiftedClock(folder, { NODE_OPTIONS: `--import ${pathToFileURL(preload).href}` });
    await clock.set(Date.now());
    return clock;
  }

  /** From now on it shows `unixMs`, and goes on from there. */
  set(unixMs: number): Promise<void> {
    return writeFile(join(this.folder, 'clock-shift'), String(unixMs - Date.now()));
  }
}
