import type { CommandSpec } from '../command.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';

export const command: CommandSpec = {
  name: 'rm',
  summary: 'remove a pushed actor, with what bind granted to it',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('<actor>', 'name of the actor’s slot')
      .addHelpText('after', '\nA slot of the device’s iot-host.yaml stays, with what stands there.');
    deviceOptions(command).action(
      context.action(async (actor: string, options: DeviceOptions) => {
        const { withDevice } = await import('../device/session.js');
        const { cancel } = await import('../../control/client/cancel.js');
        const { confirm } = await import('../confirm.js');
        return withDevice(options, context, async ({ client, rpc }) => {
          await client.presence();
          await confirm(`remove ${actor} from ${client.device}, with its grants?`, context);
          const { actor: left } = await rpc('actors.remove', { actor });
          // What the broker keeps would only be refused as older, again with every connection.
          await cancel(client, actor);
          const now = left === undefined ? '' : `; its slot is ${left.state}`;
          return { data: { actor, left: left ?? null }, text: [`${actor} is removed${now}`] };
        });
      }),
    );
  },
};
