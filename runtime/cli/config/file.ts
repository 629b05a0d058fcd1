import type { Environment } from '../../base/paths.js';
import { PROJECT_FILE } from '../device/project.js';
import { shellWord } from '../shell.js';

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

/** A command line that looks at `file`, as it has to be typed in this folder. */
export function withFile(command: string, file: string): string {
  if (file === PROJECT_FILE) return command;
  return `${command} -c ${shellWord(file)}`;
}
