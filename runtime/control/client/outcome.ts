import { IotError, withContext } from '../../base/errors.js';
import { REASONS, type ReasonCode } from '../../base/reasons.js';
import type { UpdateState, UpdateStatus } from '../protocol/messages.js';

/** How a push ended. `left`: it was not waited for (`detach`). */
export type PushEnd =
  | Extract<UpdateState, 'active' | 'rolled-back' | 'rejected' | 'failed' | 'cancelled'>
  | 'left';

export interface PushOutcome {
  readonly device: string;
  readonly component: string;
  /** SHA-256 of the manifest, hex. */
  readonly deployment: string;
  readonly sequence: number;
  readonly end: PushEnd;
  /** Why it did not become active; `undefined` for `active` and `left`. Its exit code is the command's. */
  readonly error?: IotError;
  /** The device's last word on this deployment. */
  readonly status?: UpdateStatus;
}

/** Where the device gave no reason. */
const WITHOUT_REASON: Partial<Record<UpdateState, ReasonCode>> = {
  'rolled-back': 'E_PROBATION_HEALTH',
  rejected: 'E_UNTRUSTED',
  failed: 'E_FETCH',
  cancelled: 'E_CANCELLED',
};

/** Exit code of everything that ran and was bad. */
const EXIT_ROLLED_BACK = 5;

/** The error of a final state other than `active`. */
export function outcomeError(device: string, status: UpdateStatus): IotError | undefined {
  if (status.state === 'active') return undefined;
  const fallback = WITHOUT_REASON[status.state] ?? 'E_INTERNAL';
  const reason = status.reason ?? { code: fallback, message: REASONS[fallback].text };
  // A script must see that the old module runs again, whatever was wrong with the new one.
  const rolledBack = status.state === 'rolled-back' && REASONS[reason.code].exit !== EXIT_ROLLED_BACK;
  const error = IotError.from(rolledBack ? { ...reason, code: fallback } : reason);
  return withContext(error, `device ${device}, ${status.component} ${status.state}`);
}
