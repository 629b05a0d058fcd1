import type { Command } from 'commander';
import { parseDuration } from '../duration.js';
import type { DeviceFlags } from './lookup.js';

/** Options of every command that talks to a device. */
export interface DeviceOptions extends DeviceFlags {
  /** Milliseconds. */
  readonly timeout: number;
}

export function deviceOptions(command: Command, timeout = '10s'): Command {
  const what = 'device, or "host" for this machine, "last" for the one used last';
  return connectionOptions(command, what, timeout).addHelpText(
    'after',
    '\nThe device may also come from IOT_HOST_DEVICE, the broker from IOT_HOST_BROKER.',
  );
}

/** The same for a command to which no device is a device too. */
export function connectionOptions(command: Command, what: string, timeout = '10s'): Command {
  return command
    .option('--device <name>', what)
    .option('--broker <url>', 'look for the device at this broker only')
    .option(
      '--timeout <time>',
      'give up after this time, like 500ms, 60s or 5m',
      parseDuration,
      parseDuration(timeout),
    );
}
