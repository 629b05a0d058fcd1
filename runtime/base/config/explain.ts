import type { Environment } from '../paths.js';
import { type LoadedConfig, parseConfig } from './load.js';
import { keyPath } from './problem.js';
import { isSecret, masked } from './secrecy.js';
import { readYaml } from './source.js';

/** One value that is in force, and what says so. */
export interface ExplainedValue {
  /** `actors[0].limits.fuelPerCall`. */
  readonly key: string;
  readonly path: readonly PropertyKey[];
  /** A scalar, or an empty list or mapping; `***` for what nobody may see. */
  readonly value: unknown;
  /** `iot-host.yaml:12`, `PORT at iot-host.yaml:12` for what an environment variable put there, or `default`. */
  readonly origin: string;
}

/** Every value of a configuration with its origin, in the order of the schema. Throws E_CONFIG. */
export function explainConfig(
  file: string,
  text: string,
  environment: Environment,
): { readonly config: LoadedConfig; readonly values: readonly ExplainedValue[] } {
  const config = parseConfig(file, text, environment);
  const source = readYaml(file, text, environment);
  const { file: _file, ...shown } = config;
  const values = leaves(shown, []).map(({ path, value }): ExplainedValue => {
    const origin = source.origin(path);
    const variables = origin?.variables ?? [];
    const secret = isSecret(path) || variables.some((name) => isSecret([name]));
    const line = `${file}:${source.lineAt(source.valueAt(path))}`;
    const taken = variables.length === 0 ? '' : `${[...new Set(variables)].join(', ')} at `;
    return {
      key: keyPath(path),
      path,
      value: masked(value, secret),
      origin: origin === undefined ? 'default' : `${taken}${line}`,
    };
  });
  return { config, values };
}

function leaves(value: unknown, path: readonly PropertyKey[]): { path: PropertyKey[]; value: unknown }[] {
  if (typeof value === 'object' && value !== null) {
    const entries: [PropertyKey, unknown][] = Array.isArray(value)
      ? value.map((member, index) => [index, member])
      : Object.entries(value);
    if (entries.length > 0) return entries.flatMap(([name, member]) => leaves(member, [...path, name]));
  }
  return value === undefined ? [] : [{ path: [...path], value }];
}
