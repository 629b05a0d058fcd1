import { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { catalogueFile, readCatalogue } from './catalogue.js';
import { readLast } from './last.js';
import { brokerUrl, checkBroker, LOCAL_BROKER, type Place } from './place.js';
import { PROJECT_FILE, readProject } from './project.js';

/** What the line says about devices. */
export interface DeviceFlags {
  /** `NAME`, `NAME,NAME`, `host` or `last`. */
  readonly device?: string | undefined;
  /** URL of the only broker to look at. */
  readonly broker?: string | undefined;
}

/** A device and where to look for it, in this order. */
export interface Target {
  readonly device: string;
  readonly places: readonly Place[];
  /** Every place that was considered, for the error text. */
  readonly considered: readonly string[];
  /** Nothing says where it is: the local network is asked last. */
  readonly discover?: boolean | undefined;
  /** Its broker has just said that it knows it. */
  readonly listed?: boolean | undefined;
}

const DEVICE_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/**
 * The devices that flags and environment mean. Order: `--device`, `IOT_HOST_DEVICE`, the project's own device, the
 * default of `devices.yaml`. Throws E_USAGE when none is named or a name cannot be one.
 */
export async function namedDevices(
  flags: DeviceFlags,
  environment: Environment,
  folder = process.cwd(),
): Promise<string[]> {
  const project = () => readProject(folder, environment).then((config) => config?.device);
  const fallback = async () => (await project()) ?? (await readCatalogue(environment)).default;
  const text = flags.device ?? (environment.IOT_HOST_DEVICE || (await fallback()));
  if (text === undefined) {
    throw new IotError('E_USAGE', 'no device is named', {
      hint: `add --device NAME, or run it beside the ${PROJECT_FILE} of a device`,
    });
  }
  const names = text.split(',').map((name) => name.trim());
  const resolved: string[] = [];
  for (const name of names) {
    if (name === 'last') resolved.push(await readLast(environment));
    else if (name === 'host') resolved.push((await project()) ?? name);
    else if (DEVICE_NAME.test(name)) resolved.push(name);
    else throw new IotError('E_USAGE', `"${name}" cannot be the name of a device`, { hint: NAME_HINT });
  }
  return [...new Set(resolved)];
}

const NAME_HINT = 'names are made of a-z, 0-9, - and _: --device pi-01';

/**
 * Where to look for `device`. `--broker` or `IOT_HOST_BROKER` alone when given; else its entry in `devices.yaml`
 * alone; else the project's broker, the one on this machine, and what the local network says (mDNS).
 */
export async function lookUp(
  device: string,
  flags: DeviceFlags,
  environment: Environment,
  folder = process.cwd(),
): Promise<Target> {
  const only = (place: Place): Target => ({ device, places: [place], considered: [describe(place)] });
  const chosen = chosenBroker(flags, environment);
  if (chosen !== undefined) return only(chosen);

  const file = catalogueFile(environment);
  const { devices } = await readCatalogue(environment);
  const entry = Object.hasOwn(devices, device) ? devices[device] : undefined;
  if (entry !== undefined) return only({ origin: file, ...entry });

  const near = await nearPlaces(environment, folder);
  const missing = near.length > 1 ? [] : [`${PROJECT_FILE}: none here, or on the same broker`];
  const considered = [`${file}: no entry`, ...missing, ...near.map(describe)];
  return { device, places: near, considered, discover: device !== 'host' };
}

/** Every broker that is known: where `--all` and `--label` look. */
export async function everyPlace(
  flags: DeviceFlags,
  environment: Environment,
  folder = process.cwd(),
): Promise<Place[]> {
  const chosen = chosenBroker(flags, environment);
  if (chosen !== undefined) return [chosen];
  const { devices } = await readCatalogue(environment);
  const origin = catalogueFile(environment);
  const listed = Object.values(devices).map((entry) => ({ origin, ...entry }));
  return distinct([...listed, ...(await nearPlaces(environment, folder))]);
}

/** The project's broker, then the one on this machine. */
async function nearPlaces(environment: Environment, folder: string): Promise<Place[]> {
  const project = await readProject(folder, environment);
  const broker = project === undefined ? undefined : brokerUrl(project.broker);
  const own =
    project === undefined || broker === undefined
      ? []
      : [{ origin: project.file, broker, ...project.brokerLogin, ca: project.brokerTls?.ca }];
  return distinct([...own, { origin: 'this machine', broker: LOCAL_BROKER }]);
}

function distinct(places: readonly Place[]): Place[] {
  return places.filter(({ broker }, at) => places.findIndex((other) => other.broker === broker) === at);
}

/** The broker that the line or the environment insists on. */
function chosenBroker(flags: DeviceFlags, environment: Environment): Place | undefined {
  const origin = flags.broker === undefined ? 'IOT_HOST_BROKER' : '--broker';
  const broker = flags.broker ?? environment.IOT_HOST_BROKER;
  return broker ? { origin, broker: checkBroker(broker, origin) } : undefined;
}

const describe = ({ origin, broker }: Place) => `${origin}: ${withoutPassword(broker)}`;

/** A URL as it may be shown. */
export function withoutPassword(text: string): string {
  const url = new URL(text);
  if (url.password === '') return text;
  url.password = '***';
  return url.href;
}
