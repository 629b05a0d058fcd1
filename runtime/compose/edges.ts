import { readFile, stat } from 'node:fs/promises';
import type { HostConfig } from '../base/config/schema.js';
import { IotError } from '../base/errors.js';
import type { BrokerAccess } from '../base/mqtt/connection.js';
import type { Environment } from '../base/paths.js';
import { readSecret } from '../base/secret.js';
import { refuseOpenBroker } from '../control/agent/broker.js';
import type { ServerTls } from '../control/agent/broker-door.js';
import { refuseOpenHttp } from '../control/agent/http.js';
import { embeddedAddress, isEmbedded, parseBroker } from '../control/mqtt/address.js';

/** What the device shows and brings where it meets the outside. Passwords in it are still references. */
export interface Edges {
  /** How to get in at an outside broker. */
  readonly brokerAccess: BrokerAccess | undefined;
  /** What the embedded broker shows. */
  readonly brokerTls: ServerTls | undefined;
  readonly httpTls: ServerTls | undefined;
  /** Authority of the servers that modules come from, beside the usual ones. */
  readonly updatesCa: string | undefined;
}

/**
 * Checks what belongs together, and that nothing is open beyond loopback; reads the certificates.
 * Throws E_CONFIG, its hint the lines to add.
 */
export async function readEdges(config: HostConfig): Promise<Edges> {
  const { brokerTls, brokerLogin, http } = config;
  const embedded = isEmbedded(config.broker);
  if (embedded) checkEmbedded(config);
  else checkOutside(config);
  if (http !== undefined) refuseOpenHttp(http.host, http.token !== undefined || http.tls !== undefined);
  const pair = brokerTls === undefined ? undefined : await readPair(brokerTls, 'brokerTls');
  return {
    brokerTls: embedded ? pair : undefined,
    httpTls: http?.tls === undefined ? undefined : await readPair(http.tls, 'http.tls'),
    updatesCa: config.updates.ca === undefined ? undefined : await readPem(config.updates.ca, 'updates.ca'),
    brokerAccess:
      embedded || (brokerLogin === undefined && brokerTls === undefined)
        ? undefined
        : {
            ...brokerLogin,
            ...(brokerTls?.ca === undefined ? {} : { ca: await readPem(brokerTls.ca, 'brokerTls.ca') }),
            ...pair,
          },
  };
}

/** Passwords of the embedded broker's users, by name. Throws E_CONFIG. */
export async function revealUsers(
  users: HostConfig['brokerUsers'] = {},
  environment: Environment = process.env,
): Promise<ReadonlyMap<string, string>> {
  const passwords = new Map<string, string>();
  for (const [name, reference] of Object.entries(users)) {
    const password = await readSecret(reference, environment);
    if (password === '') throw new IotError('E_CONFIG', `the password of broker user ${name} is empty`);
    passwords.set(name, password);
  }
  return passwords;
}

function checkEmbedded({ broker, brokerTls, brokerUsers = {}, brokerLogin }: HostConfig): void {
  if (brokerLogin !== undefined) {
    throw new IotError('E_CONFIG', 'brokerLogin is for an outside broker, and broker is embedded', {
      hint: 'who may use the embedded broker stands under brokerUsers',
    });
  }
  const { host } = embeddedAddress(broker);
  refuseOpenBroker(host, brokerTls?.cert !== undefined, Object.keys(brokerUsers).length > 0);
}

function checkOutside({ broker, brokerUsers, brokerLogin }: HostConfig): void {
  if (brokerUsers !== undefined) {
    throw new IotError('E_CONFIG', 'brokerUsers is for the embedded broker, and broker is another one', {
      hint: 'brokerLogin: {username: NAME, password: secret://NAME} says how the device logs in there',
    });
  }
  if (brokerLogin !== undefined && parseBroker(broker).username !== undefined) {
    throw new IotError('E_CONFIG', 'broker has a user in its address and there is a brokerLogin too', {
      hint: 'leave the user out of the address',
    });
  }
}

async function readPair(
  { cert, key }: { cert?: string | undefined; key?: string | undefined },
  where: string,
): Promise<ServerTls | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new IotError('E_CONFIG', `${where} needs cert and key together`);
  }
  const mode = await stat(key).then(
    (found) => found.mode,
    () => 0,
  );
  // The group may: Debian keeps such keys for a group of their own.
  if ((mode & 0o007) !== 0) {
    throw new IotError('E_CONFIG', `${where}.key can be read by everybody: ${key}`, {
      hint: `chmod 600 ${key}`,
    });
  }
  return { cert: await readPem(cert, `${where}.cert`), key: await readPem(key, `${where}.key`) };
}

async function readPem(file: string, where: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new IotError('E_CONFIG', `${where} cannot be read: ${file} (${error.code ?? error.message})`);
  });
  if (text.includes('-----BEGIN ')) return text;
  throw new IotError('E_CONFIG', `${where} is not a PEM file: ${file}`);
}
