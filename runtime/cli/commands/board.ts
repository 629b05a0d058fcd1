import type { CommandSpec } from '../command.js';
import { connectionOptions, type DeviceOptions } from '../device/options.js';
import { PROJECT_FILE } from '../device/project.js';

export const command: CommandSpec = {
  name: 'board',
  summary: 'show the boards that are known, and the pins of one with who uses them',
  group: 'This machine:',
  build(command, context) {
    command
      .command('list', { isDefault: true })
      .description('list the boards that are known; a star marks this machine')
      .action(
        context.action(async () => {
          const { listText } = await import('../board/list.js');
          return listText();
        }),
      );
    connectionOptions(
      command
        .command('show')
        .description('draw the header of a board, with its ports, buses and LEDs, and what is in use')
        .argument('[name]', 'board (default: that of the device, of the configuration, or this machine)')
        .option('-c, --config <file>', `configuration (default: IOT_HOST_CONFIG, else ./${PROJECT_FILE})`),
      'ask this device what is in use, instead of the configuration',
    ).action(
      context.action(async (name: string | undefined, options: DeviceOptions & { config?: string }) => {
        const { showBoard } = await import('../board/show.js');
        return showBoard(name, options, context);
      }),
    );
  },
};
