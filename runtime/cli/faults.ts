import { asIotError, IotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { Repeats } from '../base/repeats.js';

/** How long an end in good order may take after a fault, in milliseconds. */
const END_MS = 20_000;
const FRAMES = 8;

export interface Faults extends Disposable {
  /** Aborts when the process has to end, with an E_INTERNAL as its reason. */
  readonly signal: AbortSignal;
}

/**
 * What nobody has caught, while it lasts. A promise that failed with nobody waiting is a piece of work that was lost,
 * most often one of a library: it is logged, and all else goes on, since no actor is to stand still for it. An exception
 * that was thrown past everybody may have left anything half done: the host is to end in good order, so that outputs
 * are at their safe levels, and whoever has started it starts it anew.
 */
export function onFaults(logger: Pick<Logger, 'error'>): Faults {
  const controller = new AbortController();
  const repeats = new Repeats();
  const write = (what: string, thrown: unknown) => {
    const text = `${what}: ${causes(thrown)}`;
    const again = repeats.admit(text);
    if (again === undefined) return;
    logger.error(text, { code: asIotError(thrown).code, ...again, stack: frames(thrown) });
  };
  const rejected = (thrown: unknown) => write('a promise failed and nobody had waited for it', thrown);
  const uncaught = (thrown: unknown) => {
    write('an exception that nobody caught ends the host', thrown);
    if (controller.signal.aborted) return;
    const message = `an exception that nobody caught: ${causes(thrown)}`;
    controller.abort(new IotError('E_INTERNAL', message, { cause: thrown }));
    setTimeout(() => process.exit(1), END_MS).unref();
  };
  process.on('unhandledRejection', rejected).on('uncaughtException', uncaught);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () =>
      void process.off('unhandledRejection', rejected).off('uncaughtException', uncaught),
  };
}

/** `it failed, since the port is gone`. */
function causes(thrown: unknown): string {
  const { message } = asIotError(thrown);
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const inner = cause instanceof Error ? cause.message : '';
  return inner === '' || message.includes(inner) ? message : `${message}, since ${inner}`;
}

/** Where it was thrown, on one line. */
function frames(thrown: unknown): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  return [...stack.matchAll(/^\s+at (.+)$/gm)]
    .slice(0, FRAMES)
    .map(([, frame]) => frame)
    .join(' < ');
}
