import { setMaxListeners } from 'node:events';
import { IotError } from '../base/errors.js';

export interface Interruption extends Disposable {
  /** Aborts at the first SIGINT or SIGTERM, with an E_INTERRUPTED as its reason. */
  readonly signal: AbortSignal;
  /** What the process was asked to end with. */
  readonly received: () => NodeJS.Signals | undefined;
}

/** The first signal asks the command to end, the second one ends it. */
export function onInterrupt(): Interruption {
  const controller = new AbortController();
  // Every device of a rollout listens: that many listeners are no leak.
  setMaxListeners(0, controller.signal);
  let received: NodeJS.Signals | undefined;
  const listener = (name: NodeJS.Signals) => {
    if (received !== undefined) process.exit(130);
    received = name;
    controller.abort(new IotError('E_INTERRUPTED', `interrupted by ${name}`));
  };
  process.on('SIGINT', listener).on('SIGTERM', listener);
  return {
    signal: controller.signal,
    received: () => received,
    [Symbol.dispose]: () => void process.off('SIGINT', listener).off('SIGTERM', listener),
  };
}

/** Rejects with the signal's reason as soon as it aborts, whatever `work` is still waiting for. */
export async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
