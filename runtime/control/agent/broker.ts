import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import type { Aedes, AedesPublishPacket } from 'aedes';
import { asIotError, IotError } from '../../base/errors.js';
import { type Logger, silentLogger } from '../../base/logger.js';
import { embeddedAddress, isLoopback, localAddress } from '../mqtt/address.js';
import { parsePresence } from '../protocol/parse.js';
import { level } from '../protocol/topics.js';
import { brokerDoor, type ServerTls } from './broker-door.js';
import { BrokerUsers } from './broker-users.js';
import { RetainedStore } from './retained-store.js';

export interface EmbeddedBrokerOptions {
  /** `embedded` (127.0.0.1:1883) or `embedded://ADDRESS:PORT`; port 0 picks a free one. */
  readonly broker: string;
  /** With it whoever speaks TLS is one of `users`; needed, with them, beyond loopback. */
  readonly tls?: ServerTls | undefined;
  /** Password by name. */
  readonly users?: ReadonlyMap<string, string> | undefined;
  /** Folder in which retained messages under `iot/` survive a restart; without it they live in memory. */
  readonly dataDir?: string;
  readonly logger?: Logger;
}

export interface EmbeddedBroker {
  /** `mqtt://127.0.0.1:1883`, with the port it really has: for whoever is on this machine. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * An MQTT 3.1.1 broker inside the host. Whoever can log in to the machine may use it, and what is trusted depends on
 * signatures; from elsewhere it takes TLS and a password to get in. Throws E_CONFIG (beyond loopback without both,
 * a certificate that cannot be used), E_BUSY (port in use).
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { host, port } = embeddedAddress(options.broker);
  const logger = options.logger ?? silentLogger;
  const passwords = options.users ?? new Map<string, string>();
  refuseOpenBroker(host, options.tls !== undefined, passwords.size > 0);
  const store =
    options.dataDir === undefined ? undefined : new RetainedStore(join(options.dataDir, 'retained'));
  const users = new BrokerUsers(passwords, logger);
  const secured = new WeakSet<object>();
  const visit = (socket: Socket, secure: boolean): void => {
    if (secure) secured.add(socket);
    aedes.handle(socket);
  };
  const server = brokerDoor(options.tls, visit, logger);
  const module = await import('aedes');
  const aedes: Aedes = await module.Aedes.createBroker({
    authenticate: (client, username, password, done) => {
      // Who says a name is held to it, also where none is needed.
      const needed = secured.has(client.conn) || (username ?? undefined) !== undefined;
      if (passwords.size === 0 || !needed) {
        done(null, true);
        return;
      }
      users.admits(username, password).then(
        (admitted) => done(null, admitted),
        () => done(null, false),
      );
    },
    // Runs before the acknowledgement: what a sender was promised is on the disk.
    authorizePublish: (_client, packet, done) => {
      if (store === undefined || packet.retain !== true || !packet.topic.startsWith('iot/')) {
        done(null);
        return;
      }
      store
        .set(packet.topic, Buffer.from(packet.payload), isDurable(packet.topic))
        .catch((thrown: unknown) => logger.warn(`retained ${packet.topic}: ${asIotError(thrown).message}`))
        .finally(() => done(null));
    },
  });
  for (const [topic, payload] of (await store?.load()) ?? []) {
    await restore(aedes, topic, topic.endsWith('/presence') ? asOffline(payload) : payload);
  }
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const actual = await listen(server, host, port).catch(async (thrown: unknown) => {
    await close(aedes);
    throw thrown;
  });
  return {
    url: `mqtt://${localAddress(host)}:${actual}`,
    port: actual,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await close(aedes);
      for (const socket of sockets) socket.destroy();
      await closed;
      await store?.idle();
    },
  };
}

/** Throws E_CONFIG, its hint the missing lines, when the broker would be open beyond loopback. */
export function refuseOpenBroker(host: string, tls: boolean, users: boolean): void {
  if (isLoopback(host) || (tls && users)) return;
  const missing = [
    ...(tls ? [] : ['brokerTls: {cert: ./broker.crt, key: ./broker.key}']),
    ...(users ? [] : ['brokerUsers: {fleet: secret://fleet-password}']),
  ];
  throw new IotError(
    'E_CONFIG',
    `the embedded broker would listen on ${host}, beyond loopback, where it needs TLS and users`,
    { hint: `add to the configuration\n${missing.join('\n')}` },
  );
}

/** An update that was left for a device must survive a power cut; all else is said again by whoever said it. */
function isDurable(topic: string): boolean {
  return level(topic, 1) === 'blobs' || level(topic, 3) === 'desired';
}

/** Nobody is connected to a broker that has just started, whatever was true when it went down. */
function asOffline(payload: Uint8Array): Uint8Array {
  const presence = parsePresence(payload);
  return presence === undefined ? payload : Buffer.from(JSON.stringify({ ...presence, state: 'offline' }));
}

function restore(aedes: Aedes, topic: string, payload: Uint8Array): Promise<void> {
  const packet = { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: true, dup: false };
  return new Promise((resolve, reject) => {
    aedes.publish(packet as AedesPublishPacket, (error) => (error == null ? resolve() : reject(error)));
  });
}

function close(aedes: Aedes): Promise<void> {
  return new Promise((resolve) => aedes.close(() => resolve()));
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') {
        reject(
          new IotError('E_CONFIG', `embedded broker cannot listen on ${host}:${port}: ${error.message}`),
        );
        return;
      }
      reject(
        new IotError('E_BUSY', `port ${port} on ${host} is in use, the embedded broker cannot listen there`, {
          hint: `set broker: mqtt://${host}:${port} to use the broker that runs there, or broker: embedded://${host}:0 for a free port`,
        }),
      );
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
