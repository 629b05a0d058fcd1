import type { EventEmitter } from 'node:events';
import type { Bonjour } from 'bonjour-service';
import { asIotError, IotError } from './errors.js';

/** `_iot-host._tcp`: under this type devices are announced (RFC 6763). */
export const SERVICE_TYPE = 'iot-host';

export interface MdnsOptions {
  /** IPv4 address of the only interface to use; default all. */
  readonly interface?: string | undefined;
  /** What goes wrong later: a network that came or went. */
  readonly warn: (why: string) => void;
}

/** The socket below: the service library offers neither its errors nor a way to know that a question was sent. */
interface Socket extends EventEmitter {
  query(name: string, type: 'PTR', sent: (error?: Error | null) => void): void;
}

export interface Mdns {
  readonly bonjour: Bonjour;
  /** Asks for devices once more. Rejects with E_UNAVAILABLE when the question cannot be sent. */
  ask(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Multicast DNS (RFC 6762) on this machine. Rejects with E_UNAVAILABLE where it cannot be used, after no more than
 * it takes to open a socket.
 */
export async function openMdns(options: MdnsOptions): Promise<Mdns> {
  const { Bonjour } = await load();
  // Without `bind` the socket would listen on the interface's own address, to which multicast never comes.
  const only: object =
    options.interface === undefined ? {} : { interface: options.interface, bind: '0.0.0.0' };
  const bonjour = new Bonjour(only, (error: Error) => options.warn(error.message));
  const { mdns } = (bonjour as unknown as { server: { mdns: Socket } }).server;
  let membership: Error | undefined;
  mdns.on('warning', (error: Error) => {
    membership ??= error;
    options.warn(error.message);
  });
  const close = () => new Promise<void>((resolve) => bonjour.destroy(() => resolve()));
  try {
    await new Promise<void>((resolve, reject) => mdns.once('ready', resolve).once('error', reject));
    if (options.interface !== undefined && membership !== undefined) throw membership;
  } catch (thrown) {
    await close().catch(() => undefined);
    throw unavailable(thrown);
  }
  // An error that nobody listens to would end the process.
  mdns.on('error', (error: Error) => options.warn(error.message));
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      mdns.query(`_${SERVICE_TYPE}._tcp.local`, 'PTR', (error) => {
        if (error) reject(unavailable(error));
        else resolve();
      });
    });
  return { bonjour, ask, close };
}

async function load(): Promise<typeof import('bonjour-service')> {
  try {
    const { default: module } = await import('bonjour-service');
    return module as unknown as typeof import('bonjour-service');
  } catch (thrown) {
    throw new IotError('E_UNAVAILABLE', 'mDNS needs the package bonjour-service, which is not installed', {
      hint: 'npm install bonjour-service',
      cause: thrown,
    });
  }
}

function unavailable(thrown: unknown): IotError {
  const why = asIotError(thrown).message;
  return new IotError('E_UNAVAILABLE', `mDNS cannot be used on this machine: ${why}`, {
    hint: 'name the broker instead: --broker mqtt://HOST:1883',
    cause: thrown,
  });
}
