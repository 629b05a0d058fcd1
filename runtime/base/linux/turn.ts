import { availableParallelism } from 'node:os';
import { type Libc, libc } from './libc.js';

let chosen: (() => void) | undefined;

/**
 * A thread was woken that is to go first. Where there are several processors it runs already; on the only one it would
 * wait until this thread sleeps, behind work that is in no hurry. Does nothing where koffi is not installed.
 */
export function letOthersRun(): void {
  chosen ??= howToLetOthersRun();
  chosen();
}

/** As `letOthersRun`, for a machine with that many processors. */
export function howToLetOthersRun(
  processors = availableParallelism(),
  system: () => Pick<Libc, 'schedYield'> = libc,
): () => void {
  if (processors > 1) return () => {};
  try {
    const { schedYield } = system();
    return () => void schedYield();
  } catch {
    return () => {};
  }
}
