import type { HostConfig } from '../../base/config/schema.js';
import type { IotError } from '../../base/errors.js';
import type { ChipInfo, UsbPort } from '../../index.js';

/** Everything that checks may know of a machine. Nothing of it writes. */
export interface Machine {
  /** `process.platform` and `process.arch`. */
  readonly platform: string;
  readonly arch: string;
  /** `uname -r`. */
  readonly kernel: string;
  /** `20.19.2`. */
  readonly node: string;
  readonly nodePath: string;
  /** Flags that Node was started with, those of NODE_OPTIONS among them. */
  readonly nodeFlags: readonly string[];
  readonly webAssembly: boolean;
  readonly user: string;
  readonly uid: number;
  /** Of this process: a group that was joined later is not among them. */
  readonly groupIds: readonly number[];
  /** Unix seconds. */
  readonly now: number;
  /** The text of a file; `undefined` when there is none, or it may not be read. */
  text(path: string): Promise<string | undefined>;
  bytes(path: string): Promise<Uint8Array | undefined>;
  /** Names in a folder, sorted; none when there is no such folder. */
  list(path: string): Promise<string[]>;
  /** Where links lead in the end; the path itself when there is nothing there. */
  target(path: string): Promise<string>;
  /** Code of the error (`ENOENT`, `EACCES`, `EROFS`) that using it in that way gives; `undefined` when it may be. */
  refusal(path: string, mode: 'r' | 'rw'): Promise<string | undefined>;
  /** Bytes that this user may still write to the disk of a folder. */
  freeBytes(path: string): Promise<number | undefined>;
  /** Folder of an installed package, found from here as the host would. */
  packageFolder(name: string): Promise<string | undefined>;
  /** Throws when the package koffi is not installed, or has nothing for this machine. */
  chips(): ChipInfo[];
  /** USB serial adapters that are plugged in. */
  usbPorts(): Promise<UsbPort[]>;
  /** Why the broker of that configuration cannot be used; `undefined` when it answers and lets us in. */
  brokerProblem(config: HostConfig): Promise<IotError | undefined>;
  /** Whether something that knows the time has set this clock. */
  clockTrusted(setting: HostConfig['clock']): boolean;
}
