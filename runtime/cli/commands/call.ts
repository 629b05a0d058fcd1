import type { CommandSpec } from '../command.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';
import type { PayloadFlags } from '../payload.js';

export const command: CommandSpec = {
  name: 'call',
  summary: 'send an actor one message and show its reply',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('<actor>', 'name of the actor’s slot')
      .argument('<operation>', 'waPC operation')
      .option('--data <text>', 'payload as text')
      .option('--file <file>', 'payload from a file')
      .option('--cbor <json>', 'payload as JSON, sent as CBOR (iot:* contracts)')
      .option('--msgpack <json>', 'payload as JSON, sent as MessagePack (waSCC contracts)');
    deviceOptions(command).action(
      context.action(async (actor: string, operation: string, options: DeviceOptions & PayloadFlags) => {
        const { requestPayload, showReply } = await import('../payload.js');
        const { data, file, cbor, msgpack } = options;
        const flags = { data, file, cbor, msgpack };
        const payload = await requestPayload(flags);
        const { withDevice } = await import('../device/session.js');
        const { reply } = await withDevice(options, context, (device) =>
          device.rpc('call', { actor, operation, payload }),
        );
        return showReply(reply, flags);
      }),
    );
  },
};
