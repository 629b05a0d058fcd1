import { readFile } from 'node:fs/promises';
import { type ExplainedValue, explainConfig } from '../../base/config/explain.js';
import { loadConfig } from '../../base/config/load.js';
import { masked } from '../../base/config/secrecy.js';
import type { Environment } from '../../base/paths.js';
import { catalogueFile, readCatalogue } from '../device/catalogue.js';
import { keyFolder } from '../keys/folder.js';
import type { Result } from '../result.js';
import { table } from '../table.js';
import { configFile } from './file.js';

type Setting = Pick<ExplainedValue, 'key' | 'value' | 'origin'>;

/** What this command line goes by, then what the host of the configuration would. */
export async function showSettings(
  flag: string | undefined,
  origins: boolean,
  environment: Environment,
): Promise<Result> {
  const { file, origin } = configFile(flag, environment);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  // A file that somebody named has to be there; without one there is only this command line.
  if (text === undefined && origin !== 'default') await loadConfig(file, environment);
  const host = text === undefined ? [] : explainConfig(file, text, environment).values;
  const values: Setting[] = host.map(({ key, value, origin: from }) => ({ key, value, origin: from }));
  const device = values.find(({ key }) => key === 'device');
  const settings = [
    { key: 'config', value: text === undefined ? `${file} (there is none)` : file, origin },
    ...(await own(device, environment)),
  ];
  return {
    data: { file: text === undefined ? null : file, settings, host: values },
    text: [
      'command line',
      ...lines(settings, origins),
      ...(values.length === 0 ? [] : ['', 'host', ...lines(values, origins)]),
    ],
  };
}

/** In the order in which they are looked for: environment, project, user's file, default. */
async function own(device: Setting | undefined, environment: Environment): Promise<Setting[]> {
  const named = (key: string, name: string, otherwise: unknown): Setting => {
    const value = environment[name];
    return value
      ? { key, value: masked(value, false), origin: name }
      : { key, value: otherwise, origin: 'default' };
  };
  const { default: preferred } = await readCatalogue(environment);
  const favourite: Setting =
    device ??
    (preferred === undefined
      ? { key: 'device', value: 'none', origin: 'default' }
      : { key: 'device', value: preferred, origin: catalogueFile(environment) });
  return [
    environment.IOT_HOST_DEVICE ? named('device', 'IOT_HOST_DEVICE', undefined) : favourite,
    named('broker', 'IOT_HOST_BROKER', 'where the device is found'),
    named('keys', 'IOT_HOST_KEYS', keyFolder(environment)),
    named('controlKey', 'IOT_HOST_CONTROL_KEY', 'control'),
    named('mdns', 'IOT_HOST_MDNS', 'every interface'),
    { key: 'devices', value: catalogueFile(environment), origin: 'default' },
  ];
}

function lines(settings: readonly Setting[], origins: boolean): string[] {
  const rows = settings.map(({ key, value, origin }) => [key, shown(value), origin]);
  if (!origins) return rows.map(([key, value]) => `  ${key} = ${value}`);
  return table(['KEY', 'VALUE', 'ORIGIN'], rows).map((line) => `  ${line}`);
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[^\s"]+( [^\s"]+)*$/.test(value) ? value : JSON.stringify(value);
}
