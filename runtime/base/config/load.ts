import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isBoardFile } from '../board.js';
import { IotError } from '../errors.js';
import { type Environment, userFolder } from '../paths.js';
import { duplicates } from './duplicates.js';
import { HostConfig } from './schema.js';
import { readYaml } from './source.js';
import { validate } from './validate.js';

/** A configuration that is ready to use: every path is absolute and `dataDir` is known. */
export type LoadedConfig = HostConfig & {
  readonly dataDir: string;
  /** Where it was read from, absolute. */
  readonly file: string;
};

/**
 * Reads `iot-host.yaml`: `${NAME:default}` from `environment`, checked against the schema, paths (`dataDir`, a board's
 * file, `trust.document`, an actor's `path`, certificates) resolved against the file's folder. `dataDir` defaults to the device's own
 * folder in the XDG state folder. Throws E_CONFIG: no such file, or one line for each problem with
 * `file:line:column`, key and what was expected.
 */
export async function loadConfig(
  file: string,
  environment: Environment = process.env,
): Promise<LoadedConfig> {
  return parseConfig(file, await readConfigFile(file), environment);
}

/** The same for text that was read already; `file` is used in messages and to resolve paths. */
export function parseConfig(file: string, text: string, environment: Environment = {}): LoadedConfig {
  const source = readYaml(file, text, environment);
  const config = validate(source, HostConfig);
  const repeated = duplicates(config, source);
  if (repeated.length > 0) throw source.error(repeated);
  const absolute = (path: string) => resolve(dirname(file), path);
  const { document } = config.trust;
  const { brokerTls, http, updates } = config;
  return {
    ...config,
    file: resolve(file),
    board: isBoardFile(config.board) ? absolute(config.board) : config.board,
    dataDir: config.dataDir
      ? absolute(config.dataDir)
      : join(userFolder('state', environment), config.device),
    ...(brokerTls === undefined ? {} : { brokerTls: eachPath(brokerTls, absolute) }),
    ...(http === undefined
      ? {}
      : { http: { ...http, ...(http.tls === undefined ? {} : { tls: eachPath(http.tls, absolute) }) } }),
    trust: { ...config.trust, ...(document === undefined ? {} : { document: absolute(document) }) },
    updates: updates.ca === undefined ? updates : { ...updates, ca: absolute(updates.ca) },
    actors: config.actors.map((slot) =>
      slot.path === undefined ? slot : { ...slot, path: absolute(slot.path) },
    ),
  };
}

async function readConfigFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'EIO';
    const why = code === 'ENOENT' ? 'there is no such file' : `the file cannot be read (${code})`;
    const hint =
      code === 'ENOENT'
        ? `the smallest configuration names the device: echo 'device: pi-01' > ${file}`
        : undefined;
    throw new IotError('E_CONFIG', `${file}: ${why}`, { hint, cause: thrown });
  }
}

function eachPath<T extends Readonly<Record<string, string | undefined>>>(
  paths: T,
  absolute: (path: string) => string,
): T {
  const entries = Object.entries(paths).filter(([, path]) => path !== undefined);
  return Object.fromEntries(entries.map(([name, path]) => [name, absolute(path ?? '')])) as T;
}
