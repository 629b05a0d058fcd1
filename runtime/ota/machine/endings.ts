import { IotError } from '../../base/errors.js';
import { REASONS, type ReasonCode } from '../../base/reasons.js';
import type { UpdateState } from '../../control/protocol/messages.js';
import type { EndingRecord } from '../storage/record.js';
import { forget, refuse, revert, type Transition } from './transitions.js';

const MAX_MESSAGE_CHARACTERS = 500;

/** Reasons that say nothing about the module: it may be tried again. */
const NOT_ITS_FAULT: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'E_NO_SPACE',
  'E_LOOP',
  'E_INTERNAL',
  'E_UNAVAILABLE',
  'E_BUSY',
]);

/** How a deployment ends for this reason: the exit codes of the reasons already sort them. */
export function endingState(code: ReasonCode): UpdateState {
  if (NOT_ITS_FAULT.has(code)) return 'failed';
  switch (REASONS[code].exit) {
    case 4:
      return 'rejected';
    case 5:
      return 'rolled-back';
    case 130:
      return 'cancelled';
    default:
      return 'failed';
  }
}

export function endingRecord(
  of: { readonly deployment: string; readonly sequence: number; readonly release?: string | undefined },
  error: IotError,
): EndingRecord {
  const message = error.message.slice(0, MAX_MESSAGE_CHARACTERS);
  const reason = { code: error.code, message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  const { deployment, sequence, release } = of;
  const state = endingState(error.code);
  return { deployment, sequence, ...(release === undefined ? {} : { release }), state, reason };
}

/** How a deployment has ended whose modules do not run any more, when the disk does not take the record of that. */
export function unwritten(ending: EndingRecord): EndingRecord {
  const code = ending.reason?.code ?? ending.state;
  const message = `taken back for ${code}, but that was not written: the next start of the host tries it again`;
  return { ...ending, state: endingState('E_INTERNAL'), reason: { code: 'E_INTERNAL', message } };
}

/** What is known of one module of a deployment that has failed. */
export interface Blame {
  /** It may have been the cause. */
  readonly guilty: boolean;
  /** It lacked bindings. */
  readonly lacks: boolean;
  /** Its deployment was taken back by who may do so. */
  readonly forGood: boolean;
}

/** What becomes of the record of one slot of a deployment that has ended so. */
export function endingOf(ending: EndingRecord, { guilty, lacks, forGood }: Blame): Transition {
  const code = ending.reason?.code;
  if (ending.state === 'rolled-back') {
    // A module's Start may have failed for what it lacked, and it may have been the broker that went away: the same
    // bytes may be pushed again then, as another deployment.
    const excused = (lacks && code === 'E_PROBATION_START') || code === 'E_PROBATION_DISCONNECTED';
    return revert(ending, excused || !guilty);
  }
  if (forGood || (ending.state === 'rejected' && code !== 'E_SUPERSEDED')) return refuse(ending);
  return forget(ending.deployment);
}

/** Why a module did not start: its own fault, or, unchanged, the machine's. */
export function startFault(error: IotError): IotError {
  if (NOT_ITS_FAULT.has(error.code) || error.code.startsWith('E_PROBATION')) return error;
  return because('E_PROBATION_START', error);
}

/** What went wrong while a module was on probation. */
export function runFault(error: IotError): IotError {
  if (error.code.startsWith('E_PROBATION') || error.code === 'E_CANCELLED') return error;
  switch (error.code) {
    case 'E_TRAP':
    case 'E_ENGINE':
    case 'E_MEMORY':
      return because('E_PROBATION_TRAP', error);
    case 'E_DEADLINE':
    case 'E_FUEL':
    case 'E_TIMEOUT':
      return because('E_PROBATION_HANG', error);
    default:
      return because('E_PROBATION_HEALTH', error);
  }
}

function because(code: ReasonCode, error: IotError): IotError {
  return new IotError(code, `${error.code}: ${error.message}`, { hint: error.hint, cause: error });
}
