import type { Command } from 'commander';
import type { CommandSpec } from '../command.js';
import { PROJECT_FILE } from '../device/project.js';

export const command: CommandSpec = {
  name: 'config',
  summary: 'check a configuration, or show what is in force and why',
  group: 'This machine:',
  build(command, context) {
    fileOption(command.command('check'))
      .description('find what is wrong in a configuration, without starting anything')
      .action(
        context.action(async ({ config }: { config?: string }) => {
          const { checkFile } = await import('../config/check.js');
          return checkFile(config, context.environment);
        }),
      );
    fileOption(command.command('show'))
      .description('show every setting; secrets are not shown')
      .option('--origin', 'with where each comes from: flag, environment, file and line, default')
      .action(
        context.action(async ({ config, origin }: { config?: string; origin?: boolean }) => {
          const { showSettings } = await import('../config/show.js');
          return showSettings(config, origin === true, context.environment);
        }),
      );
  },
};

function fileOption(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    `configuration (default: IOT_HOST_CONFIG, else ./${PROJECT_FILE})`,
  );
}
