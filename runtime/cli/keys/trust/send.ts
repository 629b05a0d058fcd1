import { asIotError, IotError } from '../../../base/errors.js';
import { KIB } from '../../../base/limits.js';
import type { DeviceClient } from '../../../control/client/device-client.js';
import { MAX_TRUST_DOCUMENTS } from '../../../control/protocol/arguments.js';
import { keyName } from '../../../trust/cose/key.js';
import type { Signer } from '../../../trust/cose/signer.js';
import { keysOf } from '../../../trust/document/document.js';
import type { Context } from '../../context.js';
import { type ChosenOptions, chosen } from '../../device/chosen.js';
import type { Target } from '../../device/lookup.js';
import { withTarget } from '../../device/session.js';
import { inParallel } from '../../push/parallel.js';
import type { Result } from '../../result.js';
import { listKeyNames } from '../folder.js';
import { controlSigner, readSigner } from '../signer.js';
import { history, type StoredDocument } from './store.js';

/** Bytes of documents in one request: well below what a request may have. */
const MAX_BATCH_BYTES = 512 * KIB;
const DEVICES_AT_A_TIME = 4;

interface Sent {
  readonly device: string;
  /** The version that is in force there now. */
  readonly version?: number;
  /** It was already. */
  readonly already?: boolean;
  readonly error?: IotError;
}

/** Sends devices the versions that they lack. Never throws for a device: its failure is a line, and the exit code. */
export async function sendTrust(path: string, options: ChosenOptions, context: Context): Promise<Result> {
  const versions = await history(path);
  const signers = await controlSigners(versions, context);
  const targets = await chosen(options, context);
  const sent = await inParallel(targets, DEVICES_AT_A_TIME, (target) =>
    sendOne(versions, signers, target, options, context),
  );
  const failed = sent.filter(({ error }) => error !== undefined);
  const single = sent.length === 1;
  return {
    data: sent,
    text: single && failed.length > 0 ? [] : sent.map(sentLine),
    failure: single ? failed[0]?.error : someFailed(failed, sent.length),
  };
}

function sentLine({ device, version, already, error }: Sent): string {
  if (error !== undefined) return `${device}: ${error.message}`;
  return already
    ? `${device}: has version ${version} already`
    : `${device}: trusts by version ${version} now`;
}

function someFailed(failed: readonly Sent[], total: number): IotError | undefined {
  if (failed.length === 0) return undefined;
  const names = failed.map(({ device }) => device).join(',');
  return new IotError('E_SOME_FAILED', `${failed.length} of ${total} devices failed: ${names}`, {
    hint: `iot-host keys trust --device ${names}, when they are on`,
  });
}

/**
 * Control keys of the key folder, those of the newest version first: a device that is behind believes the keys of its
 * own version, and the key that the newest one took the role from is kept by `keys rotate` for that.
 */
async function controlSigners(versions: readonly StoredDocument[], context: Context): Promise<Signer[]> {
  const { environment } = context;
  const here = new Map<string, Signer>();
  for (const name of await listKeyNames(environment)) {
    const signer = await readSigner(name, environment).catch(() => undefined);
    if (signer !== undefined) here.set(keyName(signer.publicKey), signer);
  }
  const named = await controlSigner(environment);
  if (named !== undefined) here.set(keyName(named.publicKey), named);
  const believed = versions.toReversed().flatMap(({ document }) => [...keysOf(document, 'control').keys()]);
  const signers = [...new Set(believed)].flatMap((key) => here.get(key) ?? []);
  if (signers.length > 0) return signers;
  throw new IotError('E_KEY', 'no control key of this trust document is in the key folder', {
    hint: 'iot-host keys list shows who has which role; take the folder with the control key, or IOT_HOST_CONTROL_KEY',
  });
}

async function sendOne(
  versions: readonly StoredDocument[],
  signers: readonly Signer[],
  target: Target,
  options: ChosenOptions,
  context: Context,
): Promise<Sent> {
  const { device } = target;
  try {
    const sent = await withTarget(target, options, context, ({ client }) =>
      sendAll(client, versions, signers, options.timeout),
    );
    return { device, ...sent };
  } catch (thrown) {
    return { device, error: explained(asIotError(thrown), device, versions) };
  }
}

async function sendAll(
  client: DeviceClient,
  versions: readonly StoredDocument[],
  signers: readonly Signer[],
  timeoutMs: number,
): Promise<Pick<Sent, 'version' | 'already'>> {
  const ask = (signer: Signer) => client.rpc('ps', {}, { timeoutMs, signer });
  const has = (await firstBelieved(signers, ask).catch(() => undefined))?.trust?.version ?? 0;
  // The one that it has goes along: another one under that number must not pass for it.
  const wanted = versions.filter(({ document }) => document.version >= has);
  let version = 0;
  const all = batches(wanted.length === 0 ? versions : wanted);
  for (const [index, batch] of all.entries()) {
    const documents = batch.map(({ bytes }) => bytes);
    const update = (signer: Signer) => client.rpc('trust.update', { documents }, { timeoutMs, signer });
    try {
      ({ version } = await firstBelieved(signers, update));
    } catch (thrown) {
      // The device is further than the whole of this batch.
      const passed = asIotError(thrown).code === 'E_OLDER' && index < all.length - 1;
      if (!passed) throw thrown;
    }
  }
  return version === has ? { version, already: true } : { version };
}

/** Each key that the device may believe, until it does. */
async function firstBelieved<T>(signers: readonly Signer[], ask: (signer: Signer) => Promise<T>): Promise<T> {
  let refused: unknown;
  for (const signer of signers) {
    try {
      return await ask(signer);
    } catch (thrown) {
      if (asIotError(thrown).code !== 'E_UNAUTHORISED') throw thrown;
      refused ??= thrown;
    }
  }
  throw refused;
}

function batches(versions: readonly StoredDocument[]): StoredDocument[][] {
  const all: StoredDocument[][] = [];
  let batch: StoredDocument[] = [];
  let bytes = 0;
  for (const version of versions) {
    const full = batch.length === MAX_TRUST_DOCUMENTS || bytes + version.bytes.length > MAX_BATCH_BYTES;
    if (full && batch.length > 0) {
      all.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(version);
    bytes += version.bytes.length;
  }
  return [...all, batch];
}

/** What the device cannot know: where on this machine the missing thing is. */
function explained(error: IotError, device: string, versions: readonly StoredDocument[]): IotError {
  const newest = versions.at(-1);
  const oldest = versions[0];
  const hints: Partial<Record<string, string>> = {
    E_NO_TRUST:
      `put ${newest?.file} on the device yourself, as root.cbor in the folder that trust: {document: …} of its ` +
      'iot-host.yaml names: the first one never comes over the network',
    E_OLDER: 'send it from the folder in which the newest version was made',
    E_EQUIVOCATION: `two different documents were made under one number: put the right one on ${device} yourself`,
    E_UNAUTHORISED: `sign with a control key that ${device} trusts (IOT_HOST_CONTROL_KEY), or put ${newest?.file} on it yourself`,
    ...(oldest === undefined || oldest.document.version === 1
      ? {}
      : {
          E_UNTRUSTED: `versions before ${oldest.document.version} are not beside ${newest?.file}: copy them there, or put the newest on ${device} yourself`,
        }),
  };
  const hint = hints[error.code] ?? error.hint;
  return new IotError(error.code, `device ${device}: ${error.message}`, { hint, cause: error });
}
