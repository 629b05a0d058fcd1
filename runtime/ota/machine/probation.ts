import { asIotError, IotError } from '../../base/errors.js';
import type { Trial } from '../../host/update.js';
import { abortable, sleep } from '../clock.js';
import type { Context } from './context.js';
import { runFault } from './endings.js';
import { faultOf } from './part-fault.js';
import type { Trials } from './trial.js';

/** How long all health checks may take together, beside the time on probation. */
const HEALTH_TIMEOUT_MS = 30_000;

/** How long the broker may stay away after the time on probation, and how often that is looked at. */
const AWAY_MS = 30_000;
const LOOK_MS = 1_000;

/**
 * The gates of probation, for every module: no fault, healthy at once, alive for `dwellMs`, healthy still (which is a
 * message handled, too), and the broker there if it was before (`wasConnected`). Rejects with the first E_PROBATION_*
 * or the reason of `signal`; what to do about it is the caller's.
 */
export async function probation(
  context: Context,
  trials: Trials,
  { dwellMs, wasConnected }: { readonly dwellMs: number; readonly wasConnected: boolean },
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const within = AbortSignal.any([signal, ended.signal]);
  const health = new Health(trials);
  const gates = async () => {
    await health.check();
    await sleep(context.clock, dwellMs, within);
    await health.check();
    answered.abort();
    if (wasConnected) await connectedAgain(context, within);
  };
  const answered = new AbortController();
  const waiting = AbortSignal.any([within, answered.signal]);
  const late = sleep(context.clock, dwellMs + HEALTH_TIMEOUT_MS, waiting);
  const hang = late.then(
    () => health.hang(),
    () => new Promise<never>(() => undefined),
  );
  try {
    await abortable(Promise.race([firstFault(trials), hang, gates()]), signal);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw thrown;
  } finally {
    ended.abort(new IotError('E_INTERRUPTED', 'probation has ended'));
  }
}

/** Resolves as soon as the device has its broker. */
async function connectedAgain({ clock, connected }: Context, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; !connected(); waitedMs += LOOK_MS) {
    if (waitedMs >= AWAY_MS) {
      const text = `the broker was there before, and not within ${AWAY_MS} ms of the time on probation`;
      throw new IotError('E_PROBATION_DISCONNECTED', text);
    }
    await sleep(clock, LOOK_MS, signal);
  }
}

/** Rejects with the first fault that any of them has. */
function firstFault(trials: Trials): Promise<never> {
  const faults = [...trials].map(async ([slot, trial]): Promise<never> => {
    throw faultOf(slot, runFault(await trial.fault), trials.size > 1);
  });
  return Promise.race(faults);
}

/** Asks all modules at once how they are, and knows who has not answered. */
class Health {
  private silent: string[] = [];

  constructor(private readonly trials: Trials) {}

  async check(): Promise<void> {
    this.silent = [...this.trials.keys()];
    await Promise.all([...this.trials].map(([slot, trial]) => this.one(slot, trial)));
  }

  /** Throws what it means that time is up. */
  hang(): never {
    const slot = this.silent[0] ?? '';
    const text = `${slot} did not answer a health check in ${HEALTH_TIMEOUT_MS} ms`;
    throw faultOf(slot, new IotError('E_PROBATION_HANG', text), false);
  }

  private async one(slot: string, trial: Trial): Promise<void> {
    try {
      await trial.checkHealth();
    } catch (thrown) {
      throw faultOf(slot, runFault(asIotError(thrown)), this.trials.size > 1);
    }
    this.silent = this.silent.filter((other) => other !== slot);
  }
}
