import { resolve } from 'node:path';
import { Name } from '../../base/config/schema.js';
import { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { SECRET_REFERENCE } from '../../base/secret.js';
import type { Context } from '../context.js';
import type { Result } from '../result.js';
import { table } from '../table.js';
import { catalogueFile, readCatalogue } from './catalogue.js';
import { addDevice, removeDevice, setDefault } from './catalogue-edit.js';
import { scanInterface } from './discovery.js';
import { parseLabels } from './fleet.js';
import { withoutPassword } from './lookup.js';
import { checkBroker } from './place.js';

export interface AddFlags {
  readonly broker: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly ca?: string | undefined;
  readonly label: readonly string[];
}

export async function listDevices(environment: Environment): Promise<Result> {
  const catalogue = await readCatalogue(environment);
  const devices = Object.entries(catalogue.devices).map(([name, entry]) => ({
    name,
    ...entry,
    broker: withoutPassword(entry.broker),
    labels: entry.labels ?? {},
    default: name === catalogue.default,
  }));
  const rows = devices.map((device) => [
    device.name,
    device.broker,
    device.username ?? '-',
    Object.entries(device.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ') || '-',
    device.default ? 'default' : '',
  ]);
  const none = ['no devices; to add one: iot-host devices add NAME --broker mqtt://HOST:1883'];
  return {
    data: { file: catalogueFile(environment), devices },
    text: rows.length === 0 ? none : table(['DEVICE', 'BROKER', 'USER', 'LABELS', ''], rows),
  };
}

export async function scanDevices(timeoutMs: number, context: Context): Promise<Result> {
  const only = scanInterface(context.environment);
  if (only === 'off') throw new IotError('E_USAGE', 'IOT_HOST_MDNS is off', { hint: 'unset IOT_HOST_MDNS' });
  const { scan } = await import('../../control/client/scan.js');
  const devices = await scan({ timeoutMs, interface: only, signal: context.signal });
  const rows = devices.map(({ device, broker, version, address }) => [
    device,
    broker ?? 'only on the device itself',
    version ?? '-',
    address ?? '-',
  ]);
  return {
    data: { devices },
    text:
      rows.length === 0 ? ['no device answered'] : table(['DEVICE', 'BROKER', 'VERSION', 'ADDRESS'], rows),
  };
}

/** Throws E_USAGE, E_CONFIG. */
export async function add(name: string, flags: AddFlags, environment: Environment): Promise<Result> {
  const { password } = flags;
  if (!Name.safeParse(name).success) {
    throw new IotError('E_USAGE', `"${name}" cannot be the name of a device`, {
      hint: 'names are made of a-z, 0-9, - and _: iot-host devices add pi-01 --broker mqtt://HOST:1883',
    });
  }
  if (password !== undefined && !SECRET_REFERENCE.test(password)) {
    throw byReference(name, 'a password is given by reference', environment);
  }
  const url = new URL(checkBroker(flags.broker, '--broker'));
  if (url.password !== '') throw byReference(name, 'the broker’s URL has a password in it', environment);
  const username = flags.username ?? (url.username === '' ? undefined : decodeURIComponent(url.username));
  url.username = '';
  const labels = parseLabels(flags.label);
  const added = await addDevice(
    name,
    {
      broker: url.href.replace(/\/$/, ''),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(flags.ca === undefined ? {} : { ca: resolve(flags.ca) }),
      ...(flags.label.length === 0 ? {} : { labels }),
    },
    environment,
  );
  const file = catalogueFile(environment);
  const text = added ? `${name} is in ${file}` : `${name} was in ${file} already`;
  return { data: { device: name, file, added }, text: [text] };
}

/** What is not to be in a file that is shown and copied goes into one that only its owner reads. */
function byReference(name: string, why: string, environment: Environment): IotError {
  const file = catalogueFile(environment).replace(/devices\.yaml$/, `secrets/${name}`);
  return new IotError('E_USAGE', `${why}: it would stand in a file that is copied and shown`, {
    hint: `put the password into ${file} (chmod 600), then add --password secret://${name}`,
  });
}

export async function forget(name: string, environment: Environment): Promise<Result> {
  await removeDevice(name, environment);
  return { data: { device: name }, text: [`${name} is no longer in ${catalogueFile(environment)}`] };
}

export async function prefer(name: string, environment: Environment): Promise<Result> {
  await setDefault(name, environment);
  return { data: { default: name }, text: [`${name} is meant when no other device is named`] };
}
