import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { IotError } from '../../base/errors.js';
import { readSecret } from '../../base/secret.js';
import { DeviceClient } from '../../control/client/device-client.js';
import type { Context } from '../context.js';
import { controlSigner } from '../keys/signer.js';
import { catalogueFile } from './catalogue.js';
import type { Place } from './place.js';

/** A broker that is alive answers within this many milliseconds. */
const LONGEST_CONNECT_MS = 5_000;

/** Connects to the broker of `place` on behalf of `device`, with the control key where there is one. */
export async function connectAt(
  place: Place,
  device: string,
  timeoutMs: number,
  context: Context,
): Promise<DeviceClient> {
  const url = await authorisedUrl(place, context);
  const signer = await controlSigner(context.environment);
  const tls = await authority(place, context);
  const options = { url, tls, device, signer, timeoutMs: Math.min(timeoutMs, LONGEST_CONNECT_MS) };
  return DeviceClient.connect(options, context.signal);
}

/** The broker's URL with the credentials of `devices.yaml` in it. */
async function authorisedUrl(place: Place, context: Context): Promise<string> {
  if (place.username === undefined && place.password === undefined) return place.broker;
  const url = new URL(place.broker);
  if (place.username !== undefined) url.username = encodeURIComponent(place.username);
  if (place.password !== undefined) {
    url.password = encodeURIComponent(await readSecret(place.password, context.environment));
  }
  return url.href;
}

async function authority({ ca, origin }: Place, context: Context): Promise<{ ca: string } | undefined> {
  if (ca === undefined) return undefined;
  const file = resolve(dirname(catalogueFile(context.environment)), ca);
  return readFile(file, 'utf8').then(
    (pem) => ({ ca: pem }),
    (error: NodeJS.ErrnoException) => {
      const why = `${origin}: certificate authority ${file} cannot be read (${error.code ?? error.message})`;
      throw new IotError('E_CONFIG', why, { cause: error });
    },
  );
}
