import { readFile } from 'node:fs/promises';
import { IotError } from '../errors.js';
import { PathError } from './path-error.js';
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
  const behind = causeWithPath(error);
  const context = behind === undefined ? '' : error.message.slice(0, -behind.message.length);
  const line = async (inner: readonly PropertyKey[], isKey: boolean, text: string) =>
    `${await where([...path, ...inner], isKey)}: ${context}${text}`;
  const lines =
    behind instanceof ShapeError
      ? await Promise.all(behind.faults.map((fault) => line(fault.path, fault.isKey, faultText(fault))))
      : behind instanceof PathError
        ? [await line(behind.path, true, behind.message)]
        : [await line([], false, error.message)];
  return new IotError(error.code, lines.join('\n'), { hint: error.hint, cause: error });
}

/** What knows where the error lies, and whose message ends the one of the error. */
function causeWithPath(error: IotError): ShapeError | PathError | undefined {
  for (let cause: unknown = error; cause instanceof IotError; cause = cause.cause) {
    if (cause instanceof ShapeError || cause instanceof PathError)
      return error.message.endsWith(cause.message) ? cause : undefined;
  }
  return undefined;
}
