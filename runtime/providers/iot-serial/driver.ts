import type { PortGrant } from './contract.js';

export interface PortEvents {
  data(bytes: Uint8Array): void;
  /** Once, and nothing after it: unplugged, or failed. Not after `close`. */
  lost(reason: string): void;
}

/** One open port. */
export interface OpenPort {
  /** Resolves when the system has taken it all. Rejects when the port is lost meanwhile. */
  write(bytes: Uint8Array): Promise<void>;
  drain(): Promise<void>;
  /** No more `data` until `resume`; what comes waits in the kernel. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** The ports themselves: all that an implementation of `iot:serial` has to bring. */
export interface SerialDriver {
  /** Names that may be granted. */
  readonly names: readonly string[];
  /** The device node that has the name now; `undefined` while it is not there. */
  locate(name: string): Promise<string | undefined>;
  /** What is missing while it is not there: `/dev/ttyUSB0 is not there`. */
  missing(name: string): string;
  /** Opens it for this process alone. Rejects with E_BUSY, E_UNAVAILABLE (no permission), E_CONFIG (settings), E_PROVIDER. */
  open(path: string, settings: PortGrant, events: PortEvents): Promise<OpenPort>;
}
