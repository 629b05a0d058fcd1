import type { LineEvent } from './uapi.js';

/** Main thread → waiting thread. */
export type WaitCommand =
  | { readonly do: 'add'; readonly fd: number; readonly watch: number }
  | { readonly do: 'remove'; readonly fd: number }
  | { readonly do: 'end' };

/** Waiting thread → main thread: edges of one line, as they were read; `ended`: there are no more of this watch. */
export interface WaitedEvents {
  readonly watch: number;
  readonly events: readonly LineEvent[];
  readonly ended?: boolean;
}

export interface WaiterData {
  /** An eventfd: written to when there is a command. */
  readonly wakeFd: number;
  /** `Int32Array` of one: counts the commands that have been carried out. */
  readonly done: SharedArrayBuffer;
}
