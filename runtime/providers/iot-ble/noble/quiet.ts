import type { Noble } from './api.js';

interface Inside {
  readonly _bindings?: { onStateChange?: (this: unknown, ...given: unknown[]) => unknown };
}

/** How both packages begin, and go on with, what they have to say of an adapter that cannot be used. */
const THEIRS = /^(noble warning:| {15})/;

/**
 * Both packages print to stdout what they think of an adapter that is `unsupported` or `unauthorized`. That is where a
 * host prints its results, and it says the same with what to do about it. To be called before the adapter is opened.
 */
export function quiet<N extends Noble>(noble: N): N {
  const bindings = (noble as Inside)._bindings;
  const changed = bindings?.onStateChange;
  if (bindings === undefined || changed === undefined) return noble;
  bindings.onStateChange = function (...given) {
    const { log } = console;
    console.log = (...said: unknown[]) => {
      if (typeof said[0] !== 'string' || !THEIRS.test(said[0])) log(...said);
    };
    try {
      return changed.apply(this, given);
    } finally {
      console.log = log;
    }
  };
  return noble;
}
