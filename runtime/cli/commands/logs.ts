import type { LogLine } from '../../control/protocol/messages.js';
import type { CommandSpec } from '../command.js';
import type { Context } from '../context.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';
import { Feed } from '../feed.js';
import { logText } from '../log.js';
import type { Result } from '../result.js';

type LogOptions = DeviceOptions & { follow?: boolean };
type Item = Pick<Result, 'data' | 'text'>;

export const command: CommandSpec = {
  name: 'logs',
  summary: 'show a device’s log, and new lines as they come',
  group: 'Devices:',
  build(command, context) {
    command.argument('[actor]', 'only lines of this actor').option('-f, --follow', 'go on until interrupted');
    deviceOptions(command).action(
      context.action((actor: string | undefined, options: LogOptions) => ({
        stream: options.follow === true ? follow(actor, options, context) : recent(actor, options, context),
      })),
    );
  },
};

const item = (line: LogLine): Item => ({ data: line, text: [logText(line)] });

async function* recent(
  actor: string | undefined,
  options: LogOptions,
  context: Context,
): AsyncGenerator<Item> {
  const { withDevice } = await import('../device/session.js');
  const args = actor === undefined ? {} : { actor };
  const { lines } = await withDevice(options, context, (device) => device.rpc('logs', args));
  yield* lines.map(item);
}

async function* follow(
  actor: string | undefined,
  options: LogOptions,
  context: Context,
): AsyncGenerator<Item> {
  const { withDevice } = await import('../device/session.js');
  const { followLogs } = await import('../../control/client/logs.js');
  const feed = new Feed<LogLine>();
  const { signal } = context;
  withDevice(options, context, ({ client }) =>
    followLogs({ client, actor, signal, onLine: (line) => feed.push(line) }),
  ).then(
    () => feed.end(),
    (thrown: unknown) => feed.fail(thrown),
  );
  for await (const line of feed) yield item(line);
}
