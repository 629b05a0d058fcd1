import type { CommandSpec } from '../command.js';
import { packageVersion } from '../package.js';

export const command: CommandSpec = {
  name: 'version',
  summary: 'show the versions of iot-host and Node.js',
  group: 'This machine:',
  build(command, context) {
    command.action(
      context.action(async () => {
        const data = {
          version: await packageVersion(),
          node: process.versions.node,
          platform: `${process.platform}-${process.arch}`,
        };
        return { data, text: [`iot-host ${data.version} (node ${data.node}, ${data.platform})`] };
      }),
    );
  },
};
