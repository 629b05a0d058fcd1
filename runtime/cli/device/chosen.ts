import type { Command } from 'commander';
import { IotError } from '../../base/errors.js';
import type { Context } from '../context.js';
import { collect } from '../list-option.js';
import { fleet, parseLabels } from './fleet.js';
import { namedDevices, type Target } from './lookup.js';
import type { DeviceOptions } from './options.js';
import { target } from './session.js';

/** What says which devices a command for several is meant for. */
export interface ChosenOptions extends DeviceOptions {
  readonly all?: boolean;
  readonly label: readonly string[];
}

export function chosenOptions(command: Command): Command {
  return command
    .option('--all', 'every device that the brokers know')
    .option('--label <k=v>', 'every device with this label; several must all match', collect, []);
}

/** The devices that are meant, in the order of the line. Throws E_USAGE, E_DEVICE_NOT_FOUND. */
export async function chosen(options: ChosenOptions, context: Context): Promise<readonly Target[]> {
  const many = options.all === true || options.label.length > 0;
  if (many && options.device !== undefined) {
    throw new IotError('E_USAGE', '--device and --all or --label both say which devices: use one of them');
  }
  if (many) return fleet(parseLabels(options.label), options, context);
  const names = await namedDevices(options, context.environment);
  return Promise.all(names.map((name) => target(name, options, context)));
}
