import type { Command } from 'commander';
import type { Context } from './context.js';

/** Headings of `iot-host --help`, in their order. */
export const GROUPS = ['This machine:', 'Devices:', 'Modules and keys:'] as const;

/** One file in `commands/` exports one of these as `command`. */
export interface CommandSpec {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly group: (typeof GROUPS)[number];
  /** Declares arguments, options and action on `command`. Heavy modules are imported inside the action. */
  build(command: Command, context: Context): void;
}
