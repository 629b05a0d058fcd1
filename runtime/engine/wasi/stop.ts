import { IotError } from '../../base/errors.js';

/** Why a guest was stopped in the middle of a call it made. */
export type GuestStop =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'fault'; readonly error: IotError };

/** Leaves a WASI function. Caught in `WasiHost.call`: nothing is ever thrown through the engine. */
export class GuestStopped extends Error {
  readonly stop: GuestStop;

  constructor(stop: GuestStop) {
    super(stop.kind);
    this.stop = stop;
  }
}

export function stopText(code: number): string {
  return `proc_exit(${code})`;
}

export function fault(code: IotError['code'], message: string): GuestStopped {
  return new GuestStopped({ kind: 'fault', error: new IotError(code, message) });
}
