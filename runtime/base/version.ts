import { readFileSync } from 'node:fs';

/** From dist/runtime/base/ to package.json. */
const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Version of this package. */
export const VERSION = manifest.version;

/**
 * Unix seconds of the day on which this version was made, set together with it: a clock that shows an earlier time
 * was not set. It stands here rather than being taken from the clock of the machine that builds, which may be wrong
 * and would make two builds of the same source differ.
 */
export const BUILT = Date.UTC(2026, 10, 26) / 1000;
