import type { CommandSpec } from '../command.js';
import { PROJECT_FILE } from '../device/project.js';

export const command: CommandSpec = {
  name: 'doctor',
  summary: 'check this machine: pins, ports, radio, broker, clock, disk, trust; and how to mend it',
  group: 'This machine:',
  build(command, context) {
    command
      .option('-c, --config <file>', `configuration (default: IOT_HOST_CONFIG, else ./${PROJECT_FILE})`)
      .addHelpText(
        'after',
        '\nRun it as the user that the host runs as. It changes nothing. Exit code 2 when a check failed.',
      )
      .action(
        context.action(async ({ config }: { config?: string }) => {
          const { examine } = await import('../doctor/doctor.js');
          const { subjectOf } = await import('../doctor/subject.js');
          const { thisMachine } = await import('../doctor/this-machine.js');
          const machine = await thisMachine(context);
          const { width } = context.output.paper;
          return examine(machine, await subjectOf(config, machine, context), undefined, width);
        }),
      );
  },
};
