import type { IotError } from '../base/errors.js';

/** A module whose bytes, signature and admission have been checked. The same buffer is checked and run. */
export interface CheckedModule {
  readonly bytes: Uint8Array;
  /** SHA-256, hex. */
  readonly digest: string;
  /** `M…` key. */
  readonly key: string;
  /** Name in the claims. */
  readonly name: string;
  readonly version?: string | undefined;
  /** Capability ids that the claims ask for, already cut to what its signer may grant. */
  readonly capabilities: readonly string[];
  /** The name in the claims by which other actors may call it. */
  readonly callAlias?: string | undefined;
  /** Its claims have a date that no trusted clock could compare. */
  readonly timeUnverified?: boolean | undefined;
}

/** What the update machine needs of the host: prepare beside, switch between messages, keep or go back. */
export interface UpdateTarget {
  /** Key of the module now in the slot; `undefined` for an empty or unknown slot. */
  identity(slot: string): string | undefined;
  /** Makes a slot with no grants if there is none of that name. */
  ensureSlot(slot: string): void;
  /** `iot-host bind …` lines for claimed capabilities that the slot has no binding for. */
  missingBindings(slot: string, capabilities: readonly string[]): string[];
  /** Compiles, links and starts the module beside the running one, without I/O. Rejects with the reason. */
  prepare(slot: string, module: CheckedModule): Promise<Candidate>;
  /**
   * Puts `module` in the place of one that crashed again and again, and starts it unless somebody has stopped the
   * actor. Rejects with E_BUSY while a module is on trial.
   */
  fallBack(slot: string, module: CheckedModule): Promise<void>;
  /** Empties the slot and stops its actor. */
  clear(slot: string): Promise<void>;
}

export interface Candidate {
  /**
   * Switches claims and code together at a message boundary and sends `Start`. The module before it stays warm.
   * Rejects, with the old module running again, if `Start` fails; with E_BUSY while another module is on trial.
   */
  activate(): Promise<Trial>;
  /** Drops what was prepared; the running actor never noticed. */
  discard(): Promise<void>;
}

/** A module in probation. Exactly one of `commit` and `revert` is called. */
export interface Trial {
  /** Resolves with the first trap, hang or failed health check; stays pending while all is well. */
  readonly fault: Promise<IotError>;
  /** Messages handled since the switch. */
  handled(): number;
  /** Sends a health request; rejects when it traps or does not answer, which is a `fault` too. */
  checkHealth(): Promise<void>;
  /** Keeps the new module and frees the old one. If it failed meanwhile, it is started again as after any fault. */
  commit(): Promise<void>;
  /** Puts the old module back at a message boundary; a message that failed in the new one is offered to the old. */
  revert(): Promise<void>;
}
