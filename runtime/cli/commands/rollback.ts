import type { CommandSpec } from '../command.js';
import { type ChosenOptions, chosenOptions } from '../device/chosen.js';
import { deviceOptions } from '../device/options.js';
import { parseCount } from '../duration.js';
import { collect } from '../list-option.js';

interface RollbackOptions extends ChosenOptions {
  readonly name?: string;
  readonly key: readonly string[];
  readonly detach?: boolean;
  readonly maxParallel: number;
}

export const command: CommandSpec = {
  name: 'rollback',
  summary: 'let devices run the module again that they had before',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('<actor...>', 'name of the actor’s slot; several go back together')
      .option('--name <release>', 'name of the release that several were pushed under')
      .option(
        '--key <key>',
        'release key, by name or file; several sign together (default: release)',
        collect,
        [],
      )
      .option('--detach', 'leave it with the broker and do not wait')
      .option('--max-parallel <n>', 'devices at a time', parseCount, 2)
      .addHelpText(
        'after',
        '\nSigns a new deployment, with a higher number, of what the device says that it had before; nothing is sent, the' +
          '\ndevice has it on its disk. Ends like push, with the same exit codes.',
      );
    chosenOptions(command);
    deviceOptions(command, '60s').action(
      context.action(async (actors: string[], options: RollbackOptions) => {
        const { askPrevious, returnLines, wantedSlots } = await import('../push/rollback.js');
        const { readSigners } = await import('../push/release.js');
        const { deliver, verdictOf } = await import('../push/deliver.js');
        const { deliveryResult } = await import('../push/report.js');
        const { rollout } = await import('../../control/client/rollout.js');
        const { inParallel } = await import('../push/parallel.js');
        const { chosen } = await import('../device/chosen.js');
        const { confirm } = await import('../confirm.js');
        const wanted = wantedSlots(actors, options.name);
        const signers = await readSigners(options.key, context.environment);
        const targets = await chosen(options, context);
        const { maxParallel } = options;
        const found = await inParallel(targets, maxParallel, (target) =>
          askPrevious(wanted, signers, target, options, context),
        );
        const returns = found.filter((one) => 'release' in one);
        // What is about to be signed is the word of a device, or of whoever has the broker.
        for (const line of returns.flatMap(returnLines)) context.output.note(line);
        if (returns.length > 0) await confirm('sign that?', context);
        const report = await rollout({
          targets: found,
          maxParallel,
          deliver: async (one) =>
            'release' in one ? deliver(one.release, one.target, options, context) : one,
          verdict: verdictOf,
          signal: context.signal,
        });
        return deliveryResult(
          wanted.component,
          targets.map(({ device }) => device),
          report,
        );
      }),
    );
  },
};
