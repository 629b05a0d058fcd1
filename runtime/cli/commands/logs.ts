import { Option } from 'commander';
import { LOG_LEVELS, type LogLevel } from '../../base/logger.js';
import type { LogLine, LogSelection } from '../../control/protocol/messages.js';
import type { CommandSpec } from '../command.js';
import type { Context } from '../context.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';
import { Feed } from '../feed.js';
import { logLines } from '../log.js';
import { parseSince } from '../moment.js';
import type { Result } from '../result.js';

interface LogOptions extends DeviceOptions {
  readonly follow?: boolean;
  readonly level?: LogLevel;
  readonly since?: Pick<LogSelection, 'since' | 'sinceMs'>;
}
type Item = Pick<Result, 'data' | 'text'>;

export const command: CommandSpec = {
  name: 'logs',
  summary: 'show a device’s log, and new lines as they come',
  group: 'Devices:',
  build(command, context) {
    command
      .argument('[actor]', 'only lines of this actor')
      .option('-f, --follow', 'go on until interrupted')
      .addOption(new Option('--level <level>', 'this level and worse ones').choices(LOG_LEVELS))
      .option('--since <when>', 'nothing older: 10m, 2h, 2030-01-31T12:00Z', parseSince);
    deviceOptions(command).action(
      context.action((actor: string | undefined, options: LogOptions) => ({
        stream: (options.follow === true ? follow : recent)(selection(actor, options), options, context),
      })),
    );
  },
};

function selection(actor: string | undefined, { level, since }: LogOptions): LogSelection {
  return {
    ...(actor === undefined ? {} : { actor }),
    ...(level === undefined ? {} : { level }),
    ...since,
  };
}

const item = (line: LogLine, { output }: Context): Item => ({
  data: line,
  text: logLines(line, output.paper.width),
});

async function* recent(select: LogSelection, options: LogOptions, context: Context): AsyncGenerator<Item> {
  const { withDevice } = await import('../device/session.js');
  const { lines } = await withDevice(options, context, (device) => device.rpc('logs', select));
  yield* lines.map((line) => item(line, context));
}

async function* follow(select: LogSelection, options: LogOptions, context: Context): AsyncGenerator<Item> {
  const { withDevice } = await import('../device/session.js');
  const { followLogs } = await import('../../control/client/logs.js');
  const feed = new Feed<LogLine>();
  const { signal } = context;
  withDevice(options, context, ({ client }) =>
    followLogs({ client, select, signal, onLine: (line) => feed.push(line) }),
  ).then(
    () => feed.end(),
    (thrown: unknown) => feed.fail(thrown),
  );
  for await (const line of feed) yield item(line, context);
}
