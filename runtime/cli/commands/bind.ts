import type { CommandSpec } from '../command.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';

export const command: CommandSpec = {
  name: 'bind',
  summary: 'let an actor use a contract, with what is granted to it',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('<actor>', 'name of the actor’s slot')
      .argument('<contract>', 'contract id, like iot:gpio')
      .argument('[settings...]', 'key=value; the value is YAML, dots lead into mappings')
      .option('--name <binding>', 'waPC binding name', 'default')
      .addHelpText('after', '\nExample: iot-host bind blink iot:gpio lines.LED.direction=out --device pi-01');
    deviceOptions(command).action(
      context.action(
        async (
          actor: string,
          contract: string,
          args: string[],
          options: DeviceOptions & { name: string },
        ) => {
          const { parseSettings } = await import('../settings.js');
          const settings = parseSettings(args);
          const { name } = options;
          const { withDevice } = await import('../device/session.js');
          const data = await withDevice(options, context, (device) =>
            device.rpc('bind', { actor, contract, name, settings }),
          );
          return { data, text: [`${actor} is bound to ${contract} (${name}); ${actor} is ${data.state}`] };
        },
      ),
    );
  },
};
