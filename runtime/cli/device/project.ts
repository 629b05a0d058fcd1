import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type LoadedConfig, loadConfig } from '../../base/config/load.js';
import type { Environment } from '../../base/paths.js';

export const PROJECT_FILE = 'iot-host.yaml';

/** The `iot-host.yaml` of the folder one is in, or of the nearest one above it; `undefined` when there is none. */
export async function readProject(
  folder: string,
  environment: Environment,
): Promise<LoadedConfig | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const file = join(at, PROJECT_FILE);
    const exists = await access(file).then(
      () => true,
      () => false,
    );
    if (exists) return loadConfig(file, environment);
    if (at === dirname(at)) return undefined;
  }
}
