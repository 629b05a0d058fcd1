import { readFile } from 'node:fs/promises';
import { readYaml } from './source.js';

/**
 * `iot-host.yaml:12`: where a configuration file says what stands at `path`, or what is nearest to it. The file alone
 * when it cannot be read any more; `the configuration` for one that was never in a file.
 */
export async function lineOf(file: string | undefined, path: readonly PropertyKey[]): Promise<string> {
  if (file === undefined) return 'the configuration';
  try {
    const source = readYaml(file, await readFile(file, 'utf8'), process.env);
    return `${file}:${source.lineAt(source.valueAt(path))}`;
  } catch {
    return file;
  }
}
