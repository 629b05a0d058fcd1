import { readFile } from 'node:fs/promises';
import { loadConfig } from '../../base/config/load.js';
import { keyPath } from '../../base/config/problem.js';
import { readYaml } from '../../base/config/source.js';
import type { Environment } from '../../base/paths.js';
import type { Result } from '../result.js';
import { configFile } from './file.js';

/** Throws E_CONFIG with one line for each problem: `file:line:column: key: what`. */
export async function checkFile(flag: string | undefined, environment: Environment): Promise<Result> {
  const { file } = configFile(flag, environment);
  const config = await loadConfig(file, environment);
  const { checkConfig } = await import('../../index.js');
  const problems = await checkConfig(config);
  if (problems.length > 0) {
    const source = readYaml(file, await readFile(file, 'utf8'), environment);
    throw source.error(
      problems.map(({ path, message }) => ({
        offset: source.valueAt(path),
        key: keyPath(path),
        text: message,
      })),
    );
  }
  const { device, actors, providers } = config;
  const counted = `${actors.length} actors, ${providers.length} providers`;
  return { data: { file, device }, text: [`${file} is valid: device ${device}, ${counted}`] };
}
