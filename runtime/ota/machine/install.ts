import { asIotError, IotError } from '../../base/errors.js';
import type { CheckedModule } from '../../host/update.js';
import { partOffsets } from '../../trust/suit/part-offsets.js';
import type { Deployment, Part } from '../checks/checks.js';
import { type Context, forAll, knownOf, recordOf, transit } from './context.js';
import { obtain, type Progress } from './obtain.js';
import { faultOf } from './part-fault.js';
import type { Step } from './reporter.js';
import { MAX_STORES, spendStart, stage, storesOf } from './transitions.js';

/** Percent between two reports of a fetch, so that a deployment stays below 64 statuses. */
const PROGRESS_STEP = 5;

/** Tells the outside that a state has been reached. */
export type Announce = (state: Step['state'], more?: Partial<Step>) => void;

/**
 * Steps 9 to 11: fetches and checks every part; stages all of them in one write, and spends their first start in
 * another. What it resolves with, slot → module, may be run. Rejects with the reason, or that of `signal`.
 */
export async function install(
  context: Context,
  wanted: Deployment,
  announce: Announce,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, CheckedModule>> {
  const { deployment, parts } = wanted;
  announce('verified');
  checkStores(context, wanted);
  const found = await obtainAll(context, wanted, announce, signal);
  const ready = parts.map((part) => ({ part, module: check(context, wanted, part, found) }));
  signal.throwIfAborted();
  const dwellMs = Math.max(context.dwellMs, wanted.dwellMs);
  const staged = ready.map(({ part, module }) => [part.slot, stage(wanted, part, module, dwellMs)] as const);
  await transit(context, deployment, new Map(staged));
  const grown = ready.flatMap(({ part, module }) => growth(context, part.slot, module));
  announce('staged', grown.length === 0 ? {} : { grown });
  signal.throwIfAborted();
  const slots = parts.map(({ slot }) => slot);
  await transit(context, deployment, forAll(slots, spendStart));
  return new Map(ready.map(({ part, module }) => [part.slot, module]));
}

/** Counted over starts of the host, too. */
function checkStores(context: Context, { deployment, parts }: Deployment): void {
  const stores = Math.max(...parts.map(({ slot }) => storesOf(recordOf(context, slot), deployment)));
  if (stores < MAX_STORES) return;
  throw new IotError('E_LOOP', `${MAX_STORES} writes for this deployment have come to nothing`);
}

/** Digest → bytes of every part: those that are on the disk, then the others, one after the other. */
async function obtainAll(
  context: Context,
  wanted: Deployment,
  announce: Announce,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { component, deployment, parts } = wanted;
  const found = new Map<string, Uint8Array>();
  for (const { digest } of parts) {
    const bytes = found.get(digest) ?? (await context.blobs.read(digest));
    if (bytes !== undefined) found.set(digest, bytes);
  }
  const missing = parts.filter(({ digest }) => !found.has(digest));
  const left = new Map(missing.map(({ digest, size }) => [digest, size]));
  const offsets = partOffsets(parts.map(({ size }) => size));
  const progress = progressOf(announce, sum(left.values()), signal);
  let done = 0;
  for (const part of missing) {
    const { slot, digest, size } = part;
    if (!left.delete(digest)) continue;
    const one = {
      ...part,
      component,
      deployment,
      base: offsets[parts.indexOf(part)],
      more: sum(left.values()),
    };
    const received = (bytes: number) => progress(done + bytes);
    try {
      found.set(digest, await obtain(context, one, received, signal));
    } catch (thrown) {
      throw signal.aborted ? thrown : faultOf(slot, asIotError(thrown), parts.length > 1);
    }
    done += size;
  }
  return found;
}

/** Size, admission, claims and identity of one part. */
function check(
  context: Context,
  { parts, now }: Deployment,
  part: Part,
  found: ReadonlyMap<string, Uint8Array>,
): CheckedModule {
  try {
    const bytes = found.get(part.digest);
    if (bytes?.length !== part.size) {
      throw new IotError('E_SIZE', `module has ${bytes?.length} bytes, the manifest says ${part.size}`);
    }
    const known = knownOf(context);
    const module = context.checks.module(bytes, part, { ...known, now: now ?? known.now });
    checkIdentity(context, part, module);
    return module;
  } catch (thrown) {
    throw faultOf(part.slot, asIotError(thrown), parts.length > 1);
  }
}

/** What the module may use that the one in the slot may not. */
function growth(context: Context, slot: string, { capabilities }: CheckedModule): string[] {
  const { active } = recordOf(context, slot);
  if (active === undefined) return [];
  return capabilities.filter((id) => !active.capabilities.includes(id)).map((id) => `${slot} ${id}`);
}

function checkIdentity(context: Context, { slot, replaceIdentity }: Part, module: CheckedModule): void {
  const holds = context.target.identity(slot) ?? recordOf(context, slot).active?.key;
  if (holds === undefined || holds === module.key || replaceIdentity) return;
  throw new IotError('E_IDENTITY', `slot ${slot} holds ${holds}, the module is ${module.key}`, {
    hint: 'iot-host push FILE --replace-identity',
  });
}

function progressOf(announce: Announce, size: number, signal: AbortSignal): Progress {
  let next = 0;
  return (received) => {
    const percent = size === 0 ? 100 : Math.floor((received * 100) / size);
    if (percent < next || signal.aborted) return;
    next = percent === 100 ? 101 : percent - (percent % PROGRESS_STEP) + PROGRESS_STEP;
    announce('fetching', { percent });
  };
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0);
}
