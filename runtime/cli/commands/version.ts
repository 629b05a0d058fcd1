import { VERSION } from '../../base/version.js';
import type { CommandSpec } from '../command.js';

export const command: CommandSpec = {
  name: 'version',
  summary: 'show the versions of iot-host and Node.js',
  group: 'This machine:',
  build(command, context) {
    command.action(
      context.action(() => {
        const data = {
          version: VERSION,
          node: process.versions.node,
          platform: `${process.platform}-${process.arch}`,
        };
        return { data, text: [`iot-host ${data.version} (node ${data.node}, ${data.platform})`] };
      }),
    );
  },
};
