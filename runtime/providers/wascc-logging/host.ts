import { z } from 'zod';
import type { Implementation } from '../../base/contract.js';
import type { Logger, LogLevel } from '../../base/logger.js';
import type { Logging } from './contract.js';

/** The host's own log. In a cell the line goes straight to it, without a round trip. */
class HostLog implements Logging {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async bind(): Promise<void> {}
  async unbind(): Promise<void> {}

  write({ actor }: { actor: string }, level: LogLevel, message: string): void {
    this.#logger.child({ actor })[level](message);
  }
}

const Settings = z.strictObject({});

export const implementation: Implementation<Logging, z.infer<typeof Settings>> = {
  settings: Settings,
  create: (_settings, env) => new HostLog(env.logger),
  createInCell: (_settings, env) => ({
    write: (session, level, message) => env.log(session.actor, level, message),
  }),
  cellOperations: ['WriteLog'],
};
