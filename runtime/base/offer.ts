import type { Deliver } from './contract.js';
import { asIotError, type IotError } from './errors.js';

/** Milliseconds before a message that the actor could not take is offered again. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 500;

/** Whether what `Deliver` rejects with says that the actor did not have the message: it loses nothing to have it later. */
export function wasNotTaken({ code }: IotError): boolean {
  return code === 'E_QUEUE_FULL' || code === 'E_NOT_RUNNING';
}

/** Hands a message over. False when it was not taken; `failed` when the actor had it and failed. Never rejects. */
export async function offer(
  deliver: Deliver,
  operation: string,
  message: unknown,
  failed: (operation: string, why: string) => void,
): Promise<boolean> {
  try {
    await deliver(operation, message);
  } catch (thrown) {
    const error = asIotError(thrown);
    if (wasNotTaken(error)) return false;
    failed(operation, error.message);
  }
  return true;
}

/** Milliseconds to wait after an offer in vain, the last wait having been `before`. */
export function nextPause(before = 0): number {
  return Math.min(Math.max(before * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
}
