import { IotError } from '../../base/errors.js';
import type { CommandSpec } from '../command.js';
import type { Context } from '../context.js';
import type { Target } from '../device/lookup.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';
import { parseCount } from '../duration.js';
import { collect } from '../list-option.js';

interface PushOptions extends DeviceOptions {
  readonly all?: boolean;
  readonly label: readonly string[];
  readonly name?: string;
  readonly key: readonly string[];
  readonly dryRun?: boolean;
  readonly detach?: boolean;
  readonly replaceIdentity?: boolean;
  readonly maxParallel: number;
}

export const command: CommandSpec = {
  name: 'push',
  summary: 'send a signed module to devices and wait for the outcome',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('<file>', 'signed module')
      .option('--all', 'every device that the brokers know')
      .option('--label <k=v>', 'every device with this label; several must all match', collect, [])
      .option('--name <slot>', 'slot to fill (default: the name in the claims)')
      .option(
        '--key <key>',
        'release key, by name or file; several sign together (default: release)',
        collect,
        [],
      )
      .option('--dry-run', 'show what would happen, and do nothing')
      .option('--replace-identity', 'let a module with another key take the slot')
      .option('--detach', 'leave it with the broker and do not wait')
      .option('--max-parallel <n>', 'devices at a time', parseCount, 2);
    deviceOptions(command, '60s').action(
      context.action(async (file: string, options: PushOptions) => {
        const { prepareRelease } = await import('../push/release.js');
        const release = await prepareRelease(file, options, context);
        const targets = await chosen(options, context);
        if (options.dryRun === true) {
          const { preview } = await import('../push/preview.js');
          return preview(release, targets, options, context);
        }
        const { deliver } = await import('../push/deliver.js');
        const { inParallel } = await import('../push/parallel.js');
        const { deliveryResult } = await import('../push/report.js');
        return deliveryResult(
          await inParallel(targets, options.maxParallel, (target) =>
            deliver(release, target, options, context),
          ),
        );
      }),
    );
  },
};

async function chosen(options: PushOptions, context: Context): Promise<readonly Target[]> {
  const many = options.all === true || options.label.length > 0;
  if (many && options.device !== undefined) {
    throw new IotError('E_USAGE', '--device and --all or --label both say which devices: use one of them');
  }
  const { fleet, parseLabels } = await import('../device/fleet.js');
  if (many) return fleet(parseLabels(options.label), options, context);
  const { namedDevices } = await import('../device/lookup.js');
  const { target } = await import('../device/session.js');
  const names = await namedDevices(options, context.environment);
  return Promise.all(names.map((name) => target(name, options, context)));
}
