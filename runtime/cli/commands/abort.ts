import type { CommandSpec } from '../command.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';

export const command: CommandSpec = {
  name: 'abort',
  summary: 'take back an update that a device has not finished',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('<actor>', 'name of the actor’s slot')
      .addHelpText('after', '\nWhat runs goes on running. An update that is on trial is undone.');
    deviceOptions(command).action(
      context.action(async (actor: string, options: DeviceOptions) => {
        const { withDevice } = await import('../device/session.js');
        const { cancel } = await import('../../control/client/cancel.js');
        return withDevice(options, context, async ({ client }) => {
          await client.presence();
          const aborted = await cancel(client, actor);
          const text = aborted
            ? `the update of ${actor} is taken back`
            : `no update of ${actor} is under way`;
          return { data: { actor, aborted }, text: [text] };
        });
      }),
    );
  },
};
