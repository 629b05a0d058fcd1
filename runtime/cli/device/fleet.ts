import { asIotError, IotError } from '../../base/errors.js';
import { listDevices } from '../../control/client/presence-watch.js';
import type { Presence } from '../../control/protocol/messages.js';
import type { Context } from '../context.js';
import { readCatalogue } from './catalogue.js';
import { connectAt } from './connect.js';
import { everyPlace, type Target } from './lookup.js';
import type { DeviceOptions } from './options.js';
import type { Place } from './place.js';

/** A client needs some device's name; one that only lists them takes a name that says so. */
const NO_DEVICE = 'nobody';

/** Labels that all must match: `k=v`. */
export type Labels = Readonly<Record<string, string>>;

/** Throws E_USAGE for what is not `k=v`. */
export function parseLabels(texts: readonly string[]): Labels {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
    throw new IotError('E_USAGE', `"${text}" is not a label`, { hint: '--label site=greenhouse' });
  });
  return Object.fromEntries(pairs);
}

/**
 * Every device that the known brokers have seen and that carries the labels, those that are on first: they are the
 * ones that can show whether a release works. A broker that cannot be reached is remarked on; when none can be, the
 * first failure is thrown. Throws E_DEVICE_NOT_FOUND for no device.
 */
export async function fleet(labels: Labels, options: DeviceOptions, context: Context): Promise<Target[]> {
  const places = await everyPlace(options, context.environment);
  const { devices: known } = await readCatalogue(context.environment);
  const found = new Map<string, Target>();
  const off = new Set<string>();
  const failures: IotError[] = [];
  for (const place of places) {
    try {
      for (const presence of await devicesAt(place, options, context)) {
        const { device, labels: own } = presence;
        const noted = Object.hasOwn(known, device) ? known[device]?.labels : undefined;
        if (found.has(device) || !carries({ ...own, ...noted }, labels)) continue;
        found.set(device, { device, places: [place], considered: [place.origin], listed: true });
        if (presence.state === 'offline') off.add(device);
      }
    } catch (thrown) {
      const failure = asIotError(thrown);
      context.output.note(`${place.origin}: ${failure.message}`);
      failures.push(failure);
    }
  }
  const [failure] = failures;
  if (failure !== undefined && failures.length === places.length) throw failure;
  const isOff = ({ device }: Target) => Number(off.has(device));
  if (found.size > 0) return [...found.values()].sort((a, b) => isOff(a) - isOff(b));
  const wanted = Object.entries(labels).map(([name, value]) => ` ${name}=${value}`);
  const which = wanted.length === 0 ? '' : ` with the label${wanted.join('')}`;
  throw new IotError('E_DEVICE_NOT_FOUND', `no device${which} was found`, {
    hint: '--broker mqtt://HOST:1883',
  });
}

/** `--device host` without a project file: the one device at the broker of this machine. */
export async function thisMachine(target: Target, options: DeviceOptions, context: Context): Promise<Target> {
  for (const place of target.places) {
    const devices = await devicesAt(place, options, context);
    const on = devices.filter(({ state }) => state === 'online');
    const [only] = on.length === 0 ? devices : on;
    if (only === undefined) continue;
    if (on.length <= 1) return { ...target, device: only.device };
    const names = on.map(({ device }) => device).join(', ');
    throw new IotError('E_USAGE', `several devices are on at ${place.broker}: ${names}`, {
      hint: '--device NAME',
    });
  }
  throw new IotError('E_DEVICE_NOT_FOUND', 'no device runs on this machine', { hint: 'iot-host up' });
}

async function devicesAt(place: Place, options: DeviceOptions, context: Context): Promise<Presence[]> {
  const client = await connectAt(place, NO_DEVICE, options.timeout, context);
  try {
    return await listDevices(client.link);
  } finally {
    await client.close();
  }
}

function carries(own: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => own[name] === value);
}
