import { asIotError, IotError } from '../../base/errors.js';
import type { ReasonCode } from '../../base/reasons.js';
import type { DeviceClient } from '../../control/client/device-client.js';
import type { RpcOperation, RpcOperations } from '../../control/protocol/messages.js';
import type { Context } from '../context.js';
import { type Names, withHint } from '../hints.js';
import { unlessInterrupted } from '../interrupt.js';
import { connectAt } from './connect.js';
import { discover } from './discovery.js';
import { thisMachine } from './fleet.js';
import { rememberLast } from './last.js';
import { lookUp, namedDevices, type Target, withoutPassword } from './lookup.js';
import type { DeviceOptions } from './options.js';
import type { Place } from './place.js';

/** One device, connected. */
export interface DeviceSession {
  readonly client: DeviceClient;
  rpc<K extends RpcOperation>(
    operation: K,
    args: RpcOperations[K]['args'],
  ): Promise<RpcOperations[K]['result']>;
}

/** Not here, but perhaps at the next place. */
const LOOK_FURTHER: ReadonlySet<ReasonCode> = new Set(['E_DEVICE_NOT_FOUND', 'E_BROKER_UNREACHABLE']);

/** Finds the one device that the options mean, lets `work` talk to it, and closes the connection. */
export async function withDevice<T>(
  options: DeviceOptions,
  context: Context,
  work: (device: DeviceSession) => Promise<T>,
): Promise<T> {
  const [device, ...others] = await namedDevices(options, context.environment);
  if (device === undefined || others.length > 0) {
    throw new IotError('E_USAGE', 'this command takes one device at a time', { hint: '--device NAME' });
  }
  return unlessInterrupted(
    withTarget(await target(device, options, context), options, context, work),
    context.signal,
  );
}

/** Where to look for `device`. `host` is whatever runs on this machine, when no project file has given its name. */
export async function target(device: string, options: DeviceOptions, context: Context): Promise<Target> {
  const found = await lookUp(device, options, context.environment);
  return device === 'host' ? thisMachine(found, options, context) : found;
}

/** The same for a device whose places are known already. */
export async function withTarget<T>(
  target: Target,
  options: DeviceOptions,
  context: Context,
  work: (device: DeviceSession) => Promise<T>,
): Promise<T> {
  const client = await connectTarget(target, options, context);
  try {
    await rememberLast(client.device, context.environment);
    const { timeout: timeoutMs } = options;
    return await work({
      client,
      rpc: (operation, args) =>
        client.rpc(operation, args, { timeoutMs }).catch((thrown: unknown) => {
          throw withHint(asIotError(thrown), { ...namesIn(args), device: client.device });
        }),
    });
  } finally {
    await client.close();
  }
}

/** Whom a request is about. */
function namesIn(args: object): Names {
  const { actor, contract }: { actor?: unknown; contract?: unknown } = args;
  return {
    actor: typeof actor === 'string' ? actor : undefined,
    contract: typeof contract === 'string' ? contract : undefined,
  };
}

/** A place, and why the device was not found there. */
interface Miss {
  readonly place: Place;
  readonly why: IotError;
}

/** A connection to the first place whose broker knows the device, be it on or off; the local network is asked last. */
async function connectTarget(
  target: Target,
  options: DeviceOptions,
  context: Context,
): Promise<DeviceClient> {
  const misses: Miss[] = [];
  for (const place of target.places) {
    const client = await attempt(place, target.device, misses, options, context);
    if (client !== undefined) return client;
  }
  const found = target.discover === true ? await discover(target.device, context) : undefined;
  if (found === undefined || typeof found === 'string') throw notFound(target, misses, found);
  const client = await attempt(found, target.device, misses, options, context);
  if (client !== undefined) return client;
  throw notFound(target, misses, undefined);
}

async function attempt(
  place: Place,
  device: string,
  misses: Miss[],
  options: DeviceOptions,
  context: Context,
): Promise<DeviceClient | undefined> {
  let client: DeviceClient | undefined;
  try {
    client = await connectAt(place, device, options.timeout, context);
    await client.presence();
    return client;
  } catch (thrown) {
    await client?.close();
    const why = asIotError(thrown);
    if (!LOOK_FURTHER.has(why.code)) throw why;
    misses.push({ place, why });
    return undefined;
  }
}

/** Exit 3: every place, and what was wrong with it. */
function notFound(target: Target, misses: readonly Miss[], unasked: string | undefined): IotError {
  const skipped = target.considered.slice(0, target.considered.length - target.places.length);
  const looked = misses.map(
    ({ place, why }) => `${place.origin}: ${withoutPassword(place.broker)}: ${why.message}`,
  );
  const [only] = misses;
  const code = misses.length === 1 && only !== undefined ? only.why.code : 'E_DEVICE_NOT_FOUND';
  const places = [...skipped, ...looked, ...(unasked === undefined ? [] : [unasked])];
  const list = places.map((text) => `\n  ${text}`).join('');
  return new IotError(code, `device ${target.device} was not found; looked at${list}`, {
    hint: `iot-host devices add ${target.device} --broker mqtt://HOST:1883`,
  });
}
