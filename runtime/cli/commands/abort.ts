import type { CommandSpec } from '../command.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';

export const command: CommandSpec = {
  name: 'abort',
  summary: 'take back an update that a device has not finished',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('<actor>', 'name of the actor’s slot, or of a release of several')
      .addHelpText(
        'after',
        '\nWhat ran before goes on running. A module on probation is taken back only by a device that is on.',
      );
    deviceOptions(command).action(
      context.action(async (actor: string, options: DeviceOptions) => {
        const { withDevice } = await import('../device/session.js');
        const { abort, abortText } = await import('../device/abort.js');
        return withDevice(options, context, async (device) => {
          const aborted = await abort(device, actor);
          return { data: { actor, ...aborted }, text: [abortText(device.client.device, actor, aborted)] };
        });
      }),
    );
  },
};
