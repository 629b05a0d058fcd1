/**
 * The one table of everything that can go wrong: reason code → what a person reads, what a script sees
 * (exit code) and what a SUIT report carries (`suit`, draft-ietf-suit-report: 4 unauthorised, 7 component
 * unauthorised, 10 condition failed, 11 operation failed, …).
 *
 * Exit codes: 1 bug · 2 usage or configuration · 3 device not found or unreachable · 4 rejected ·
 * 5 activated, then rolled back · 6 timeout · 7 some devices failed · 8 the actor failed · 130 interrupted.
 */
export const REASONS = {
  E_INTERNAL: { text: 'internal error', exit: 1, suit: 11 },
  E_USAGE: { text: 'wrong usage', exit: 2, suit: 11 },
  E_CONFIG: { text: 'configuration is not valid', exit: 2, suit: 11 },
  E_UNAVAILABLE: { text: 'not available on this machine', exit: 2, suit: 11 },
  E_BUSY: { text: 'in use by another process', exit: 2, suit: 11 },
  E_NOT_FOUND: { text: 'not found', exit: 2, suit: 11 },
  E_KEY: { text: 'key is not usable', exit: 2, suit: 11 },
  E_DEVICE_NOT_FOUND: { text: 'device not found', exit: 3, suit: 11 },
  E_DEVICE_OFFLINE: { text: 'device is off', exit: 3, suit: 11 },
  E_BROKER_UNREACHABLE: { text: 'broker cannot be reached', exit: 3, suit: 11 },

  // Refused before anything ran.
  E_TOO_LARGE: { text: 'too large', exit: 4, suit: 11 },
  E_ENVELOPE: { text: 'update envelope cannot be read', exit: 4, suit: 1 },
  E_ALG: { text: 'signature algorithm is not supported', exit: 4, suit: 3 },
  E_UNTRUSTED: { text: 'signed by a key that is not trusted', exit: 4, suit: 4 },
  E_SIGNATURE: { text: 'signature does not match', exit: 4, suit: 4 },
  E_COMMAND: { text: 'update asks for something this host does not do', exit: 4, suit: 5 },
  E_COMPONENT: { text: 'signer may not update this component', exit: 4, suit: 7 },
  E_WRONG_DEVICE: { text: 'meant for another device', exit: 4, suit: 10 },
  E_EXPIRED: { text: 'expired', exit: 4, suit: 10 },
  E_TIME_UNVERIFIED: { text: 'no trusted clock says whether it has expired', exit: 4, suit: 10 },
  E_NOT_YET_VALID: { text: 'not valid yet', exit: 4, suit: 10 },
  E_OLDER: { text: 'older than what the device has accepted', exit: 4, suit: 10 },
  E_EQUIVOCATION: { text: 'same sequence number, other content', exit: 4, suit: 10 },
  E_SUPERSEDED: { text: 'superseded by a newer push', exit: 4, suit: 10 },
  E_BLOCKED: { text: 'this module failed here before', exit: 4, suit: 10 },
  E_DIGEST: { text: 'bytes do not match their digest', exit: 4, suit: 10 },
  E_SIZE: { text: 'not as many bytes as were signed', exit: 4, suit: 10 },
  E_UNSIGNED: { text: 'not signed', exit: 4, suit: 4 },
  E_TOKEN: { text: 'claims cannot be read', exit: 4, suit: 1 },
  E_HASH: { text: 'claims belong to other code', exit: 4, suit: 10 },
  E_IDENTITY: { text: 'another module identity than the slot holds', exit: 4, suit: 10 },
  E_CLAIMS: { text: 'claims are not allowed', exit: 4, suit: 7 },
  E_MODULE: { text: 'not a valid WebAssembly module', exit: 4, suit: 10 },
  E_FEATURE: { text: 'module needs a WebAssembly feature this engine does not have', exit: 4, suit: 10 },
  E_IMPORT: { text: 'module imports what this host does not have', exit: 4, suit: 10 },
  E_EXPORT: { text: 'module lacks an export it needs', exit: 4, suit: 10 },
  E_LIMIT: { text: 'module exceeds a limit', exit: 4, suit: 10 },
  E_UNAUTHORISED: { text: 'request is not authorised', exit: 4, suit: 4 },
  E_REPLAY: { text: 'request was seen before', exit: 4, suit: 4 },
  E_HOST_TOO_OLD: { text: 'needs a newer host', exit: 4, suit: 10 },
  E_NO_TRUST: { text: 'device has no trust document', exit: 4, suit: 4 },

  // Could not be carried out, or ran and was bad.
  E_NO_SPACE: { text: 'no space left', exit: 4, suit: 11 },
  E_FETCH: { text: 'module could not be fetched', exit: 6, suit: 11 },
  E_CANCELLED: { text: 'cancelled', exit: 130, suit: 11 },
  E_PROBATION_START: { text: 'new module did not start', exit: 5, suit: 11 },
  E_PROBATION_TRAP: { text: 'new module trapped', exit: 5, suit: 11 },
  E_PROBATION_HANG: { text: 'new module did not answer in time', exit: 5, suit: 11 },
  E_PROBATION_HEALTH: { text: 'new module is not healthy', exit: 5, suit: 11 },
  E_PROBATION_DISCONNECTED: { text: 'device lost its broker with the new module', exit: 5, suit: 11 },
  E_CRASHED: { text: 'module crashed again and again', exit: 5, suit: 11 },
  E_LOOP: { text: 'update went round in circles', exit: 5, suit: 11 },

  E_TIMEOUT: { text: 'timed out', exit: 6, suit: 11 },
  E_INTERRUPTED: { text: 'interrupted', exit: 130, suit: 11 },
  E_SOME_FAILED: { text: 'some devices failed', exit: 7, suit: 11 },

  // The actor, or what it asked for.
  E_GUEST: { text: 'actor answered with an error', exit: 8, suit: 11 },
  E_TRAP: { text: 'actor trapped', exit: 8, suit: 11 },
  E_START: { text: 'actor did not start', exit: 8, suit: 11 },
  E_FUEL: { text: 'actor used up its fuel', exit: 8, suit: 11 },
  E_DEADLINE: { text: 'actor missed its deadline', exit: 8, suit: 11 },
  E_MEMORY: { text: 'actor ran out of memory', exit: 8, suit: 11 },
  E_ENGINE: { text: 'engine failed', exit: 8, suit: 11 },
  E_NO_ACTOR: { text: 'no such actor', exit: 8, suit: 11 },
  E_CYCLE: { text: 'actors call each other in a circle', exit: 8, suit: 11 },
  E_NOT_RUNNING: { text: 'actor is not running', exit: 8, suit: 11 },
  E_QUEUE_FULL: { text: 'queue is full', exit: 8, suit: 11 },
  E_PAYLOAD: { text: 'payload is not acceptable', exit: 8, suit: 11 },
  E_NOT_CLAIMED: { text: 'capability is not in the actor’s claims', exit: 8, suit: 11 },
  E_NOT_BOUND: { text: 'actor has no binding for this capability', exit: 8, suit: 11 },
  E_NOT_GRANTED: { text: 'resource is not granted', exit: 8, suit: 11 },
  E_NO_PROVIDER: { text: 'no provider is running', exit: 8, suit: 11 },
  E_PROVIDER: { text: 'provider failed', exit: 8, suit: 11 },
  E_OPERATION: { text: 'unknown operation', exit: 8, suit: 11 },
} as const satisfies Record<string, { text: string; exit: number; suit: number }>;

export type ReasonCode = keyof typeof REASONS;

export function isReasonCode(code: string): code is ReasonCode {
  return Object.hasOwn(REASONS, code);
}
