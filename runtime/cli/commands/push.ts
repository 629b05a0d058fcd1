import { IotError } from '../../base/errors.js';
import type { WaveEnd } from '../../control/client/rollout.js';
import type { CommandSpec } from '../command.js';
import { type ChosenOptions, chosenOptions } from '../device/chosen.js';
import { deviceOptions } from '../device/options.js';
import { parseCount } from '../duration.js';
import { collect } from '../list-option.js';
import { MAX_FAILED_PERCENT, parseMaxFailed, parseWaves, waveLine } from '../push/waves.js';

interface PushOptions extends ChosenOptions {
  readonly name?: string;
  readonly key: readonly string[];
  readonly dryRun?: boolean;
  readonly detach?: boolean;
  readonly replaceIdentity?: boolean;
  readonly maxParallel: number;
  readonly waves?: readonly WaveEnd[];
  readonly maxFailed?: number;
}

export const command: CommandSpec = {
  name: 'push',
  summary: 'send signed modules to devices and wait for the outcome',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('<file...>', 'signed module; several become active together, or none does')
      .option(
        '--name <name>',
        'slot to fill (default: the name in the claims); with several files: the name of the release',
      )
      .option(
        '--key <key>',
        'release key, by name or file; several sign together (default: release)',
        collect,
        [],
      )
      .option('--dry-run', 'show what would happen, and do nothing')
      .option('--replace-identity', 'let a module with another key take the slot')
      .option('--detach', 'leave it with the broker and do not wait')
      .option('--max-parallel <n>', 'devices at a time', parseCount, 2)
      .option(
        '--waves <list>',
        'how many devices have it after each wave, like 1,10%,100% (default: all in one)',
        parseWaves,
      )
      .option(
        '--max-failed <share>',
        `stop when more have failed, of a wave or of all (default with --waves: ${MAX_FAILED_PERCENT}%)`,
        parseMaxFailed,
      );
    chosenOptions(command);
    deviceOptions(command, '60s').action(
      context.action(async (files: string[], options: PushOptions) => {
        const { prepareRelease } = await import('../push/release.js');
        const release = await prepareRelease(files, options, context);
        const guarded = options.waves !== undefined || options.maxFailed !== undefined;
        if (options.detach === true && guarded) {
          throw new IotError(
            'E_USAGE',
            'with --detach nobody waits for an outcome that could stop a rollout',
          );
        }
        const { chosen } = await import('../device/chosen.js');
        const targets = await chosen(options, context);
        if (options.dryRun === true) {
          const { preview } = await import('../push/preview.js');
          return preview(release, targets, options, context);
        }
        const { deliver, tidy, verdictOf } = await import('../push/deliver.js');
        const { Shelf } = await import('../../control/client/deploy/shelf.js');
        const { rollout } = await import('../../control/client/rollout.js');
        const { deliveryResult } = await import('../push/report.js');
        const shelf = new Shelf();
        const report = await rollout({
          targets,
          waves: options.waves,
          maxFailed: options.maxFailed ?? (options.waves === undefined ? undefined : MAX_FAILED_PERCENT),
          maxParallel: options.maxParallel,
          deliver: (target) => deliver(release, target, options, context, shelf),
          verdict: verdictOf,
          ...(guarded ? { onWave: (wave, event) => context.output.note(waveLine(wave, event)) } : {}),
          signal: context.signal,
        });
        await tidy(shelf, targets, options, context);
        const names = targets.map(({ device }) => device);
        return deliveryResult(release.component, names, report);
      }),
    );
  },
};
