import { asIotError, IotError } from '../../base/errors.js';
import type { Candidate, CheckedModule, Trial } from '../../host/update.js';
import { abortable, sleep } from '../clock.js';
import type { Context } from './context.js';
import { runFault, startFault } from './endings.js';

/** How long both health checks may take together, beside the time on probation. */
const HEALTH_TIMEOUT_MS = 30_000;

/** Starts the module beside the running one and switches to it. Rejects with the reason; the old one then runs. */
export async function activate(
  context: Context,
  slot: string,
  module: CheckedModule,
  signal: AbortSignal,
): Promise<Trial> {
  const candidate = await prepare(context, slot, module, signal);
  try {
    // From here on nothing is interrupted half-way: the switch either happens or does not.
    return await candidate.activate();
  } catch (thrown) {
    throw startFault(asIotError(thrown));
  }
}

async function prepare(
  context: Context,
  slot: string,
  module: CheckedModule,
  signal: AbortSignal,
): Promise<Candidate> {
  const preparing = context.target.prepare(slot, module);
  let candidate: Candidate;
  try {
    candidate = await abortable(preparing, signal);
  } catch (thrown) {
    if (!signal.aborted) throw startFault(asIotError(thrown));
    preparing.then((late) => late.discard()).catch(() => undefined);
    throw thrown;
  }
  if (!signal.aborted) return candidate;
  await candidate.discard();
  throw signal.reason;
}

/**
 * The gates of probation: no fault, healthy at once, alive for `dwellMs`, healthy still. Rejects with the first
 * E_PROBATION_* or the reason of `signal`; what to do about it is the caller's.
 */
export async function probation(
  context: Context,
  slot: string,
  trial: Trial,
  dwellMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const within = AbortSignal.any([signal, ended.signal]);
  const gates = async () => {
    await trial.checkHealth();
    await sleep(context.clock, dwellMs, within);
    await trial.checkHealth();
  };
  const fault = trial.fault.then((error) => {
    throw error;
  });
  const hang = sleep(context.clock, dwellMs + HEALTH_TIMEOUT_MS, within).then(() => {
    throw new IotError(
      'E_PROBATION_HANG',
      `${slot} did not answer a health check in ${HEALTH_TIMEOUT_MS} ms`,
    );
  });
  try {
    await abortable(Promise.race([fault, hang, gates()]), signal);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw runFault(asIotError(thrown));
  } finally {
    hang.catch(() => undefined);
    ended.abort(new IotError('E_INTERRUPTED', 'probation has ended'));
  }
}
