import { readFile } from 'node:fs/promises';
import { IotError } from '../errors.js';
import type { Fault } from './faults.js';
import { faultText, ShapeError } from './shape.js';
import { readYaml, type YamlSource } from './source.js';

/**
 * Where something stands in a configuration, for messages: `iot-host.yaml:12:5`. With `isKey` the last key of `path` is
 * meant, not what it holds.
 */
export type Where = (path: readonly PropertyKey[], isKey?: boolean) => Promise<string>;

/**
 * Where a configuration file says what stands at a path, or what is nearest to it; the file alone when it cannot be
 * read any more. `undefined` for a configuration that was never in a file.
 */
export function whereIn(file: string | undefined): Where | undefined {
  if (file === undefined) return undefined;
  return async (path, isKey = false) => {
    const source = await sourceOf(file);
    return source?.placeAt(source.faultAt({ path, isKey })) ?? file;
  };
}

async function sourceOf(file: string): Promise<YamlSource | undefined> {
  try {
    return readYaml(file, await readFile(file, 'utf8'), process.env);
  } catch {
    return undefined;
  }
}

/** An error about what stands at `path`, with its place in front; one line for each fault that it is about. */
export async function withPlace(
  error: IotError,
  path: readonly PropertyKey[],
  where: Where | undefined,
): Promise<IotError> {
  if (where === undefined || error.code !== 'E_CONFIG') return error;
  const shape = shapeBehind(error);
  const context = shape === undefined ? '' : error.message.slice(0, -shape.message.length);
  const line = async (fault: Fault) =>
    `${await where([...path, ...fault.path], fault.isKey)}: ${context}${faultText(fault)}`;
  const lines =
    shape === undefined
      ? [`${await where(path)}: ${error.message}`]
      : await Promise.all(shape.faults.map(line));
  return new IotError(error.code, lines.join('\n'), { hint: error.hint, cause: error });
}

/** The faults that a message ends with. */
function shapeBehind(error: IotError): ShapeError | undefined {
  for (let cause: unknown = error; cause instanceof IotError; cause = cause.cause) {
    if (cause instanceof ShapeError) return error.message.endsWith(cause.message) ? cause : undefined;
  }
  return undefined;
}
