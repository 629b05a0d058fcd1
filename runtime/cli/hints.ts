import { IotError } from '../base/errors.js';
import type { ReasonCode } from '../base/reasons.js';

const LOGS = 'iot-host logs ACTOR --device DEVICE shows what it did last';
const BUILD = 'iot-host inspect FILE lists its imports and exports; actors/sdk builds what the host takes';
const AGAIN = 'push it again: its sequence number is then chosen anew';

/** What to do next where the one who refused could not know it. */
const HINTS: Partial<Record<ReasonCode, string>> = {
  E_TOO_LARGE: 'build it smaller, or raise updates.maxModuleBytes in the configuration of the device',
  E_ENVELOPE: 'compare the versions of both sides: iot-host version, iot-host ps --device DEVICE',
  E_SIGNATURE: 'it was changed after it was signed: iot-host sign FILE',
  E_TOKEN: 'sign it anew: iot-host sign FILE',
  E_HASH: 'it was changed after it was signed: iot-host sign FILE',
  E_UNTRUSTED:
    'iot-host keys trust --release KEY --device DEVICE, or --claims ACCOUNT for who signed the module',
  E_COMPONENT: 'name another slot with --name, or sign with a release key that may update this one',
  E_EXPIRED: 'sign it anew: iot-host sign FILE --expires 1y',
  E_NOT_YET_VALID: 'compare the clocks of both sides, or sign it anew: iot-host sign FILE',
  E_OLDER: AGAIN,
  E_EQUIVOCATION: AGAIN,
  E_SUPERSEDED: 'iot-host ps --device DEVICE shows what runs now',
  E_BLOCKED:
    'these very bytes failed there before, or its trust document blocks them: push a corrected module',
  E_HOST_TOO_OLD: 'install a newer iot-host on the device first',
  E_NO_TRUST: 'put the trust document on the device yourself: iot-host keys trust makes one',
  E_DIGEST: 'push it again',
  E_SIZE: 'push it again',
  E_IDENTITY: 'iot-host push FILE --replace-identity',
  E_CLAIMS: 'iot-host inspect FILE shows what it asks for; sign it with fewer --cap',
  E_MODULE: 'build it again; iot-host inspect FILE shows what is in it',
  E_FEATURE: 'build it for plain WebAssembly 1.0',
  E_IMPORT: BUILD,
  E_EXPORT: BUILD,
  E_LIMIT: 'build it smaller, or raise the limits of its slot, like limits.memoryPages',
  E_NO_SPACE: 'free some space on the device, then push it again',
  E_FETCH: 'push it again, and stay until the outcome',
  E_PROBATION_START: LOGS,
  E_PROBATION_TRAP: LOGS,
  E_PROBATION_HANG: LOGS,
  E_PROBATION_HEALTH: LOGS,
  E_PROBATION_DISCONNECTED: 'see that the broker can be reached, then push it again',
  E_CRASHED: LOGS,
  E_TIME_UNVERIFIED: 'give the device a clock (NTP), or updates: {strictTime: false} in its iot-host.yaml',
  E_GUEST: LOGS,
  E_TRAP: LOGS,
  E_START: LOGS,
  E_FUEL: 'raise limits.fuelPerCall of its slot if it does need that long',
  E_DEADLINE: 'raise limits.deadlineMs of its slot if it does need that long',
  E_MEMORY: 'raise limits.memoryPages of its slot',
  E_NOT_CLAIMED: 'iot-host sign FILE --cap CONTRACT, then push it',
  E_NOT_BOUND: 'iot-host bind ACTOR CONTRACT --device DEVICE',
  E_NOT_GRANTED: 'iot-host bind ACTOR CONTRACT key=value --device DEVICE',
  E_NO_PROVIDER: 'iot-host providers start CONTRACT --device DEVICE',
};

/** What the capitals in a hint stand for, as far as that is known. */
export interface Names {
  readonly device?: string | undefined;
  readonly actor?: string | undefined;
  readonly contract?: string | undefined;
}

/** The same error with the hint of its code, where it has none of its own. */
export function withHint(error: IotError, names: Names = {}): IotError {
  const template = HINTS[error.code];
  const hint = error.hint ?? (template === undefined ? undefined : filled(template, names));
  if (hint === error.hint) return error;
  const hinted = new IotError(error.code, error.message, { hint, cause: error.cause });
  hinted.stack = error.stack ?? hinted.stack ?? '';
  return hinted;
}

function filled(hint: string, { device, actor, contract }: Names): string {
  // Without an actor `logs` shows those of all.
  const template = device !== undefined && actor === undefined ? hint.replace('logs ACTOR', 'logs') : hint;
  return template
    .replaceAll(/\bACTOR\b/g, () => actor ?? 'ACTOR')
    .replaceAll(/\bDEVICE\b/g, () => device ?? 'DEVICE')
    .replaceAll(/\bCONTRACT\b/g, () => contract ?? 'CONTRACT');
}
