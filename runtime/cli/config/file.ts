import type { Environment } from '../../base/paths.js';
import { PROJECT_FILE } from '../device/project.js';

/** Which configuration file is meant, and what says so. */
export function configFile(
  flag: string | undefined,
  environment: Environment,
): { file: string; origin: string } {
  if (flag !== undefined) return { file: flag, origin: 'flag --config' };
  const named = environment.IOT_HOST_CONFIG;
  if (named) return { file: named, origin: 'IOT_HOST_CONFIG' };
  return { file: PROJECT_FILE, origin: 'default' };
}
