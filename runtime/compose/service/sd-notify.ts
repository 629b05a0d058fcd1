import { execFile } from 'node:child_process';
import type { Logger } from '../../base/logger.js';
import type { Environment } from '../../base/paths.js';

/** A manager that does not listen is not waited for longer than this, in milliseconds. */
const SEND_MS = 5_000;
const PROGRAM = 'systemd-notify';

/**
 * Words to the service manager that started this process (sd_notify(3)). Its socket speaks datagrams, which Node does
 * not, so systemd's own program carries them: where there is such a manager there is that program. Without
 * NOTIFY_SOCKET nothing is sent.
 */
export class ServiceManager {
  readonly #environment: Environment;
  readonly #logger: Logger;
  #failed = false;

  constructor(environment: Environment, logger: Logger) {
    this.#environment = environment;
    this.#logger = logger;
  }

  get present(): boolean {
    return (this.#environment.NOTIFY_SOCKET ?? '') !== '';
  }

  /**
   * Within which time the manager wants to hear `WATCHDOG=1`, in milliseconds; `undefined` when it does not, or wants
   * it from another process (sd_watchdog_enabled(3)).
   */
  get watchdogMs(): number | undefined {
    const { WATCHDOG_USEC = '', WATCHDOG_PID = '' } = this.#environment;
    if (!this.present || !/^[1-9]\d*$/.test(WATCHDOG_USEC)) return undefined;
    if (WATCHDOG_PID !== '' && WATCHDOG_PID !== String(process.pid)) return undefined;
    return Number(WATCHDOG_USEC) / 1_000;
  }

  /** `READY=1`, `STATUS=…`, …: sent together. Resolves when they are out; never rejects. */
  async notify(...assignments: string[]): Promise<void> {
    if (!this.present) return;
    const { NOTIFY_SOCKET, PATH } = this.#environment;
    const lines = assignments.map((line) => line.replace(/[\r\n]+/g, ' '));
    // Nothing else of the environment is that program's business.
    const options = { env: { NOTIFY_SOCKET, PATH }, timeout: SEND_MS };
    await new Promise<void>((resolve) => {
      execFile(PROGRAM, lines, options, (error) => {
        if (error !== null && !this.#failed) this.#logger.warn(`${PROGRAM} failed: ${why(error)}`);
        this.#failed = error !== null;
        resolve();
      });
    });
  }
}

function why(error: { readonly code?: unknown; readonly message: string }): string {
  return error.code === 'ENOENT' ? 'it is not installed (Debian package systemd)' : error.message;
}
