import { asIotError, IotError } from '../../base/errors.js';
import { CHUNK_BYTES } from '../../base/limits.js';
import type { Part } from '../checks/checks.js';
import { abortable, sleep } from '../clock.js';
import { sha256Hex } from '../storage/blobs.js';
import { chunkCount, Download } from '../storage/download.js';
import { asStorageError, readAll, withFile } from '../storage/fs.js';
import type { Context } from './context.js';

/** Complete downloads that may turn out to be other bytes before the sender is given up. */
const DIGEST_TRIES = 2;
/** Pauses between attempts to fetch: 1, 2, 4, … seconds, at most this. */
const MAX_PAUSE_MS = 300_000;
/** What is kept free beside the module itself. */
const RESERVE = 1.25;

/** One module to be fetched, and for whom. */
export interface Wanted extends Part {
  /** SHA-256 of the manifest, hex. */
  readonly deployment: string;
  readonly component: string;
}

/** Called with the bytes of the module that are here: first with 0, then rising. */
export type Progress = (received: number) => void;

/**
 * The module's bytes, durable on disk under their digest: found there, or fetched. Step 9.
 * Rejects with E_NO_SPACE, E_DIGEST, E_INTERNAL, or the reason of `signal`; E_FETCH is tried again until that.
 */
export async function obtain(
  context: Context,
  wanted: Wanted,
  progress: Progress,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const present = await context.blobs.read(wanted.digest);
  if (present !== undefined) return sized(present, wanted);
  progress(0);
  for (let tries = 1; ; tries++) {
    if (await download(context, wanted, progress, signal)) break;
    if (tries === DIGEST_TRIES) {
      throw new IotError('E_DIGEST', `fetched bytes do not match digest ${wanted.digest}`);
    }
    await sleep(context.clock, 1000, signal);
  }
  const bytes = await context.blobs.read(wanted.digest);
  // The sender's bytes were right: the disk is to blame, and the same push may work another time.
  if (bytes === undefined)
    throw new IotError('E_INTERNAL', `module ${wanted.digest} did not stay on the disk`);
  return sized(bytes, wanted);
}

/** Fills the file, over as many attempts as it takes; false when its content turned out to be other bytes. */
async function download(
  context: Context,
  wanted: Wanted,
  progress: Progress,
  signal: AbortSignal,
): Promise<boolean> {
  const { fs, tmp, blobs } = context;
  try {
    const part = await Download.open(fs, tmp, wanted.digest, wanted.size);
    try {
      await requireSpace(context, wanted.size - part.received);
      await fill(context, wanted, part, progress, signal);
    } finally {
      await part.close();
    }
    const bytes = await withFile(fs, part.path, 'read', (file) => readAll(file, wanted.size));
    if (sha256Hex(bytes) !== wanted.digest) {
      await part.discard();
      return false;
    }
    await blobs.adopt(part.path, wanted.digest);
    await part.finish();
    return true;
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw asStorageError(thrown, `module ${wanted.digest} cannot be stored`);
  }
}

async function fill(
  context: Context,
  wanted: Wanted,
  part: Download,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { source, clock, log } = context;
  let failed: unknown;
  const sink = async (offset: number, bytes: Uint8Array) => {
    try {
      await part.write(offset, bytes);
    } catch (thrown) {
      // A full disk is not the sender's doing, whatever the source makes of the rejection.
      if (asIotError(thrown).code !== 'E_FETCH') failed = thrown;
      throw thrown;
    }
    progress(part.received);
  };
  if (wanted.payload !== undefined) await writePayload(wanted.payload, sink);
  const { digest, size, uri } = wanted;
  const request = { deployment: Uint8Array.from(Buffer.from(wanted.deployment, 'hex')), digest, size, uri };
  for (let attempt = 0; !part.complete; attempt++) {
    if (attempt > 0) await sleep(clock, Math.min(MAX_PAUSE_MS, 1000 * 2 ** (attempt - 1)), signal);
    try {
      await abortable(
        source.fetch(request, (chunk) => part.has(chunk), sink, signal),
        signal,
      );
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      if (failed !== undefined) throw failed;
      const error = asIotError(thrown, 'E_FETCH');
      if (error.code !== 'E_FETCH') throw error;
      log.warn(`update of ${wanted.component}: ${error.message}; trying again`, {
        component: wanted.component,
      });
    }
  }
}

async function writePayload(
  payload: Uint8Array,
  sink: (offset: number, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  for (let chunk = 0; chunk < chunkCount(payload.length); chunk++) {
    const offset = chunk * CHUNK_BYTES;
    await sink(offset, payload.subarray(offset, offset + CHUNK_BYTES));
  }
}

async function requireSpace(context: Context, bytes: number): Promise<void> {
  const free = await context.fs.freeBytes(context.tmp);
  if (free >= bytes * RESERVE) return;
  const needed = Math.ceil(bytes * RESERVE);
  throw new IotError('E_NO_SPACE', `the module needs ${needed} bytes of disk, ${free} are free`);
}

function sized(bytes: Uint8Array, wanted: Wanted): Uint8Array {
  if (bytes.length === wanted.size) return bytes;
  throw new IotError('E_DIGEST', `module has ${bytes.length} bytes, the manifest says ${wanted.size}`);
}
