import type { Logger } from '../../base/logger.js';
import type { Environment } from '../../base/paths.js';
import { ServiceManager } from './sd-notify.js';
import { StateProbe } from './state-probe.js';
import { Watchdog } from './watchdog.js';

export interface ServiceParts {
  readonly environment: Environment;
  readonly dataDir: string;
  readonly logger: Logger;
  /** The worst delay of the main thread in the last `ms` milliseconds. */
  lag(ms: number): number;
  /** One line for `systemctl status`, told with every word. */
  status(): string;
}

/** The device as a service of systemd: ready, alive, stopping. Does nothing where no manager listens. */
export class Service {
  readonly #manager: ServiceManager;
  readonly #probe: StateProbe;
  readonly #watchdog: Watchdog | undefined;
  readonly #status: () => string;

  constructor({ environment, dataDir, logger, lag, status }: ServiceParts) {
    const manager = new ServiceManager(environment, logger);
    const probe = new StateProbe(dataDir);
    const withinMs = manager.watchdogMs;
    this.#manager = manager;
    this.#probe = probe;
    this.#status = () => `STATUS=${status()}`;
    if (withinMs === undefined) return;
    const alive = () => manager.notify('WATCHDOG=1', this.#status());
    this.#watchdog = new Watchdog({ withinMs, lag, check: () => probe.check(), alive, logger });
  }

  /** For `/readyz`. */
  problem(): string | undefined {
    return this.#probe.problem;
  }

  async ready(): Promise<void> {
    await this.#manager.notify('READY=1', this.#status());
    this.#watchdog?.start();
  }

  async stopping(): Promise<void> {
    this.#watchdog?.stop();
    await this.#manager.notify('STOPPING=1', 'STATUS=stopping');
  }
}
