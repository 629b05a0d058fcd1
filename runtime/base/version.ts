import { readFileSync } from 'node:fs';

/** From dist/runtime/base/ to package.json. */
const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Version of this package. */
export const VERSION = manifest.version;
