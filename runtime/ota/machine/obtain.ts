import { asIotError, IotError } from '../../base/errors.js';
import { CHUNK_BYTES, CHUNK_WINDOW, MAX_FETCH_FACTOR } from '../../base/limits.js';
import { BACKOFF_MS, delayOf, RETRIES_MS } from '../../base/retry.js';
import type { Part } from '../checks/checks.js';
import { abortable, sleep } from '../clock.js';
import type { FetchRequest, Sink } from '../ports.js';
import { sha256Hex } from '../storage/blobs.js';
import { Download } from '../storage/download.js';
import { chunkCount } from '../storage/download-files.js';
import { asStorageError, readAll, withFile } from '../storage/fs.js';
import type { Context } from './context.js';

/** Complete downloads that may turn out to be other bytes before the sender is given up. */
const DIGEST_TRIES = 3;
/** Pauses between attempts to fetch: quick at first, then patient. */
const PAUSES_MS = [...RETRIES_MS, ...BACKOFF_MS];

/** One module to be fetched, and for whom. */
export interface Wanted extends Part {
  /** SHA-256 of the manifest, hex. */
  readonly deployment: string;
  readonly component: string;
  /** Bytes of other modules that are to be fetched after this one: there must be room for them, too. */
  readonly more: number;
  /** Where the module begins among those of the deployment (`partOffsets`), in bytes; default 0. */
  readonly base?: number | undefined;
}

/** Called with the bytes of the module that are here: first with 0, then rising. */
export type Progress = (received: number) => void;

/**
 * Fetches the module: its bytes, durable on disk under their digest. Step 9.
 * Rejects with E_NO_SPACE, E_DIGEST, E_SIZE, E_INTERNAL, or the reason of `signal`; E_FETCH is tried again until that.
 */
export async function obtain(
  context: Context,
  wanted: Wanted,
  progress: Progress,
  signal: AbortSignal,
): Promise<Uint8Array> {
  progress(0);
  const ceiling = new Ceiling(wanted);
  for (let spoilt = 0; !(await download(context, wanted, spoilt, ceiling, progress, signal)); ) {
    // Where each chunk was right, the signed digests contradict each other.
    if (++spoilt === DIGEST_TRIES || wanted.chunkDigests !== undefined) {
      throw new IotError('E_DIGEST', `fetched bytes do not match digest ${wanted.digest}`);
    }
    await sleep(context.clock, delayOf(PAUSES_MS, spoilt - 1), signal);
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
  spoilt: number,
  ceiling: Ceiling,
  progress: Progress,
  signal: AbortSignal,
): Promise<boolean> {
  const { fs, tmp, blobs } = context;
  try {
    const part = await Download.open(fs, tmp, wanted);
    try {
      await fill(context, wanted, part, { spoilt, ceiling }, progress, signal);
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
  { spoilt, ceiling }: { spoilt: number; ceiling: Ceiling },
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { source, clock, log } = context;
  const request: FetchRequest = { ...requestOf(wanted), spoilt, onReceived: ceiling.take };
  let failed: unknown;
  const noting = async (work: Promise<void>) => {
    try {
      await work;
    } catch (thrown) {
      // A full disk is not the sender's doing, whatever the source makes of the rejection.
      if (asIotError(thrown).code !== 'E_FETCH') failed = thrown;
      throw thrown;
    }
  };
  const write = async (offset: number, bytes: Uint8Array) => {
    await noting(part.write(offset, bytes));
    progress(part.received);
  };
  const sink: Sink = Object.assign(write, { sync: () => noting(part.sync()) });
  if (wanted.payload !== undefined) await writePayload(wanted.payload, sink);
  for (let attempt = 0; !part.complete; attempt++) {
    if (attempt > 0) await sleep(clock, delayOf(PAUSES_MS, attempt - 1), signal);
    const before = part.received;
    try {
      await abortable(
        source.fetch(request, (chunk) => part.has(chunk), sink, signal),
        signal,
      );
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      if (failed !== undefined) throw failed;
      if (ceiling.over !== undefined) throw ceiling.over;
      const error = asIotError(thrown, 'E_FETCH');
      if (error.code !== 'E_FETCH') throw error;
      log.warn(`update of ${wanted.component}: ${error.message}; trying again`, {
        component: wanted.component,
      });
      if (part.received > before) attempt = 0;
    }
  }
}

function requestOf({ deployment, base, digest, size, uri, chunkDigests }: Wanted): FetchRequest {
  return {
    deployment: Uint8Array.from(Buffer.from(deployment, 'hex')),
    base,
    digest,
    size,
    uri,
    chunkDigests,
  };
}

/** Counts what comes for one deployment, and ends its fetch when that is more than it may cost. */
class Ceiling {
  /** Why nothing more is fetched. */
  over: IotError | undefined;
  private spent = 0;

  constructor(private readonly wanted: Wanted) {}

  readonly take = (bytes: number): void => {
    const { deployment, size } = this.wanted;
    this.spent += bytes;
    if (this.spent <= MAX_FETCH_FACTOR * size + CHUNK_WINDOW * CHUNK_BYTES) return;
    const text = `${this.spent} bytes came for deployment ${deployment.slice(0, 12)}, a module of ${size} bytes`;
    this.over ??= new IotError('E_FETCH', text, {
      hint: 'somebody else sends in its name, or the link loses nearly everything',
    });
    throw this.over;
  };
}

async function writePayload(payload: Uint8Array, sink: Sink): Promise<void> {
  for (let chunk = 0; chunk < chunkCount(payload.length); chunk++) {
    const offset = chunk * CHUNK_BYTES;
    await sink(offset, payload.subarray(offset, offset + CHUNK_BYTES));
  }
}

function sized(bytes: Uint8Array, wanted: Wanted): Uint8Array {
  if (bytes.length === wanted.size) return bytes;
  throw new IotError('E_SIZE', `module has ${bytes.length} bytes, the manifest says ${wanted.size}`);
}
