import type { CommandSpec } from '../command.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';

export const command: CommandSpec = {
  name: 'unbind',
  summary: 'take back what bind granted',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('<actor>', 'name of the actor’s slot')
      .argument('<contract>', 'contract id, like iot:gpio')
      .option('--name <binding>', 'waPC binding name', 'default')
      .addHelpText('after', '\nWhat the device’s iot-host.yaml grants is taken back there.');
    deviceOptions(command).action(
      context.action(async (actor: string, contract: string, options: DeviceOptions & { name: string }) => {
        const { name } = options;
        const { withDevice } = await import('../device/session.js');
        const data = await withDevice(options, context, (device) =>
          device.rpc('unbind', { actor, contract, name }),
        );
        const granted = data.bindings.some((other) => other.contract === contract && other.name === name);
        const now = granted ? 'has only what iot-host.yaml grants of' : 'is no longer bound to';
        return { data, text: [`${actor} ${now} ${contract} (${name})`] };
      }),
    );
  },
};
