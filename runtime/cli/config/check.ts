import { readFile } from 'node:fs/promises';
import { loadConfig } from '../../base/config/load.js';
import { readYaml } from '../../base/config/source.js';
import { faultsIn } from '../../base/config/validate.js';
import { counted } from '../../base/counted.js';
import type { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import type { ConfigProblem } from '../../index.js';
import type { Result } from '../result.js';
import { configFile } from './file.js';

/** Throws E_CONFIG with one line for each problem: `file:line:column: key: what`. */
export async function checkFile(flag: string | undefined, environment: Environment): Promise<Result> {
  const { file } = configFile(flag, environment);
  const config = await loadConfig(file, environment);
  const { checkConfig } = await import('../../index.js');
  const problems = await checkConfig(config);
  if (problems.length > 0) throw await problemsIn(file, problems, environment);
  const { device, actors, providers } = config;
  const has = `${counted(actors.length, 'actor')}, ${counted(providers.length, 'provider')}`;
  return { data: { file, device }, text: [`${file} is valid: device ${device}, ${has}`] };
}

/** E_CONFIG with one line for each problem, as `checkFile` throws it. */
export async function problemsIn(
  file: string,
  problems: readonly ConfigProblem[],
  environment: Environment,
): Promise<IotError> {
  const source = readYaml(file, await readFile(file, 'utf8'), environment);
  return faultsIn(
    source,
    problems.map(({ path, isKey = false, message }) => ({ path, isKey, text: message })),
  );
}
