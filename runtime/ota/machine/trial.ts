import { asIotError } from '../../base/errors.js';
import type { Candidate, CheckedModule, Trial } from '../../host/update.js';
import { abortable } from '../clock.js';
import type { Context } from './context.js';
import { startFault } from './endings.js';
import { faultOf } from './part-fault.js';

/** Slot → its module on trial. */
export type Trials = ReadonlyMap<string, Trial>;

/**
 * Starts the modules beside the running ones and switches to them: to the first when all are prepared. Rejects with
 * the reason; then the old ones run, all of them.
 */
export async function activate(
  context: Context,
  modules: ReadonlyMap<string, CheckedModule>,
  signal: AbortSignal,
): Promise<Trials> {
  const several = modules.size > 1;
  const candidates = await prepareAll(context, modules, signal);
  const trials = new Map<string, Trial>();
  for (const [slot, candidate] of candidates) {
    try {
      if (trials.size > 0) signal.throwIfAborted();
      // From here on nothing is interrupted half-way: the switch either happens or does not.
      candidates.delete(slot);
      trials.set(slot, await candidate.activate());
    } catch (thrown) {
      await discardAll(context, candidates);
      await revertAll(context, trials);
      if (signal.aborted) throw signal.reason;
      throw faultOf(slot, startFault(asIotError(thrown)), several);
    }
  }
  return trials;
}

/** Puts the modules before back, the last one first. A slot that fails at this does not keep the others. */
export async function revertAll(context: Context, trials: Trials): Promise<void> {
  for (const [slot, trial] of [...trials].reverse()) {
    await trial.revert().catch((thrown: unknown) => {
      context.log.warn(`the old module was not put back: ${asIotError(thrown).message}`, { actor: slot });
    });
  }
}

async function prepareAll(
  context: Context,
  modules: ReadonlyMap<string, CheckedModule>,
  signal: AbortSignal,
): Promise<Map<string, Candidate>> {
  const candidates = new Map<string, Candidate>();
  for (const [slot, module] of modules) {
    try {
      candidates.set(slot, await prepare(context, slot, module, signal));
    } catch (thrown) {
      await discardAll(context, candidates);
      if (signal.aborted) throw signal.reason;
      throw faultOf(slot, startFault(asIotError(thrown)), modules.size > 1);
    }
  }
  return candidates;
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
    if (signal.aborted) preparing.then((late) => late.discard()).catch(() => undefined);
    throw thrown;
  }
  if (!signal.aborted) return candidate;
  await candidate.discard();
  throw signal.reason;
}

async function discardAll(context: Context, candidates: ReadonlyMap<string, Candidate>): Promise<void> {
  for (const [slot, candidate] of candidates) {
    await candidate.discard().catch((thrown: unknown) => {
      context.log.warn(`what was prepared was not freed: ${asIotError(thrown).message}`, { actor: slot });
    });
  }
}
