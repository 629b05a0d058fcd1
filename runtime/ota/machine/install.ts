import { IotError } from '../../base/errors.js';
import type { CheckedModule } from '../../host/update.js';
import type { Deployment } from '../checks/checks.js';
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
  const bytes = await obtain(context, wanted, progress(announce, signal), signal);
  const module = context.checks.module(bytes, wanted, knownOf(context, component));
  checkIdentity(context, wanted, module);
  signal.throwIfAborted();
  const dwellMs = Math.max(context.dwellMs, wanted.dwellMs);
  await transit(context, component, deployment, stage(wanted, module, dwellMs));
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
  if (record.blocked.includes(wanted.digest)) {
    throw new IotError('E_BLOCKED', `module ${wanted.digest} failed here before`);
  }
}

function checkIdentity(context: Context, wanted: Deployment, module: CheckedModule): void {
  const { component } = wanted;
  const holds = context.target.identity(component) ?? recordOf(context, component).active?.key;
  if (holds === undefined || holds === module.key || wanted.replaceIdentity) return;
  throw new IotError('E_IDENTITY', `slot ${component} holds ${holds}, the module is ${module.key}`, {
    hint: 'iot-host push FILE --replace-identity',
  });
}

function progress(announce: Announce, signal: AbortSignal): Progress {
  let next = 0;
  return (percent) => {
    if (percent < next || signal.aborted) return;
    next = percent === 100 ? 101 : percent - (percent % PROGRESS_STEP) + PROGRESS_STEP;
    announce('fetching', { percent });
  };
}
