import type { CommandSpec } from '../command.js';
import { configFile } from '../config/file.js';
import type { Context } from '../context.js';
import { PROJECT_FILE } from '../device/project.js';
import { onFaults } from '../faults.js';
import { unlessInterrupted } from '../interrupt.js';
import { logLines } from '../log.js';
import type { Result } from '../result.js';

export const command: CommandSpec = {
  name: 'up',
  summary: 'run the host on this device, until it is interrupted',
  group: 'This machine:',
  build(command, context) {
    command
      .option('-c, --config <file>', `configuration (default: IOT_HOST_CONFIG, else ./${PROJECT_FILE})`)
      .action(
        context.action(({ config }: { config?: string }) => ({
          stream: up(configFile(config, context.environment).file, context),
          service: true,
        })),
      );
  },
};

async function* up(file: string, context: Context): AsyncGenerator<Pick<Result, 'data' | 'text'>> {
  const { loadConfig } = await import('../../base/config/load.js');
  const config = await loadConfig(file, context.environment);
  const { createHost, createLogger } = await import('../../index.js');
  const { signal, options, output } = context;
  const level = options.verbose ? 'debug' : options.quiet ? 'error' : config.logLevel;
  const write = (line: string) => {
    if (options.json) output.log(line.trimEnd());
    else for (const text of logLines(JSON.parse(line), output.logWidth)) output.log(text);
  };
  const logger = createLogger(level, { write });
  const host = createHost({ config, logger, serviceEnvironment: context.environment });
  using faults = onFaults(host.logger);
  try {
    await unlessInterrupted(host.start(), faults.signal);
    const { urls } = host;
    const text = Object.entries(urls).map(([name, url]) => `  ${name}: ${url}`);
    yield {
      data: { event: 'ready', device: config.device, board: host.board, urls },
      text: [`${config.device} is up`, ...text],
    };
    const asked = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await unlessInterrupted(asked, faults.signal);
  } finally {
    await host.stop();
  }
  yield { data: { event: 'stopped', device: config.device }, text: [`${config.device} is down`] };
}
