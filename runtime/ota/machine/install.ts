import { IotError } from '../../base/errors.js';
import type { CheckedModule } from '../../host/update.js';
import type { Deployment, Part } from '../checks/checks.js';
import { type Context, knownOf, recordOf, transit } from './context.js';
import { obtain, type Progress } from './obtain.js';
import type { Step } from './reporter.js';
import { MAX_STORES, spendStart, stage, storesOf } from './transitions.js';

/** Percent between two reports of a fetch, so that a deployment stays below 64 statuses. */
const PROGRESS_STEP = 5;

/** Tells the outside that a state has been reached. */
export type Announce = (state: Step['state'], more?: Partial<Step>) => void;

/**
 * Steps 9 to 11: fetches, checks and stages, and spends the first start. What it resolves with may be run.
 * Rejects with the reason, or that of `signal`.
 */
export async function install(
  context: Context,
  wanted: Deployment,
  announce: Announce,
  signal: AbortSignal,
): Promise<CheckedModule> {
  const { component, deployment } = wanted;
  announce('verified');
  checkHistory(context, wanted);
  const [part] = wanted.parts;
  if (part === undefined) throw new IotError('E_INTERNAL', 'an update of nothing');
  const bytes = await obtain(
    context,
    { ...part, deployment, component },
    progress(announce, part.size, signal),
    signal,
  );
  const module = context.checks.module(bytes, part, knownOf(context));
  checkIdentity(context, part, module);
  signal.throwIfAborted();
  const dwellMs = Math.max(context.dwellMs, wanted.dwellMs);
  await transit(context, component, deployment, stage(wanted, part, module, dwellMs));
  announce('staged');
  signal.throwIfAborted();
  await transit(context, component, deployment, spendStart);
  return module;
}

/** What may have changed since the envelope was judged, if it had to wait for another deployment. */
function checkHistory(context: Context, wanted: Deployment): void {
  const record = recordOf(context, wanted.component);
  if (storesOf(record, wanted.deployment) >= MAX_STORES) {
    throw new IotError('E_LOOP', `${MAX_STORES} writes for this deployment have come to nothing`);
  }
  for (const { slot, digest } of wanted.parts) {
    if (!recordOf(context, slot).blocked.includes(digest)) continue;
    throw new IotError('E_BLOCKED', `module ${digest} failed here before`);
  }
}

function checkIdentity(context: Context, { slot, replaceIdentity }: Part, module: CheckedModule): void {
  const holds = context.target.identity(slot) ?? recordOf(context, slot).active?.key;
  if (holds === undefined || holds === module.key || replaceIdentity) return;
  throw new IotError('E_IDENTITY', `slot ${slot} holds ${holds}, the module is ${module.key}`, {
    hint: 'iot-host push FILE --replace-identity',
  });
}

function progress(announce: Announce, size: number, signal: AbortSignal): Progress {
  let next = 0;
  return (received) => {
    const percent = Math.floor((received * 100) / size);
    if (percent < next || signal.aborted) return;
    next = percent === 100 ? 101 : percent - (percent % PROGRESS_STEP) + PROGRESS_STEP;
    announce('fetching', { percent });
  };
}
