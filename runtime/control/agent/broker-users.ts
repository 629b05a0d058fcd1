import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../base/logger.js';

/** Milliseconds that a wrong password costs: slow enough against guessing, quick enough for a person's slip. */
const REFUSAL_MS = 500;
/** Refused logins at which somebody is waiting; those beyond are refused at once. */
const MAX_WAITING = 64;
/** Refusals are remarked on at most this often, in milliseconds. */
const REMARK_MS = 10_000;

/** Whom the embedded broker lets in, by name and password. */
export class BrokerUsers {
  readonly #digests: ReadonlyMap<string, Buffer>;
  readonly #logger: Logger;
  #waiting = 0;
  #refused = 0;
  #remarkedAt = Number.NEGATIVE_INFINITY;

  constructor(passwords: ReadonlyMap<string, string>, logger: Logger) {
    this.#digests = new Map([...passwords].map(([name, password]) => [name, digest(password)]));
    this.#logger = logger;
  }

  /** Takes its time to say no. Neither name nor password is logged: people type one in the place of the other. */
  async admits(username: string | undefined, password: Uint8Array | undefined): Promise<boolean> {
    const wanted = this.#digests.get(username ?? '') ?? NOBODY;
    const right = timingSafeEqual(digest(password ?? ''), wanted) && wanted !== NOBODY;
    if (right && password !== undefined) return true;
    this.#remark();
    if (this.#waiting < MAX_WAITING) {
      this.#waiting += 1;
      await sleep(REFUSAL_MS, undefined, { ref: false });
      this.#waiting -= 1;
    }
    return false;
  }

  #remark(): void {
    this.#refused += 1;
    const now = performance.now();
    if (now - this.#remarkedAt < REMARK_MS) return;
    this.#remarkedAt = now;
    this.#logger.warn(
      `embedded broker: ${this.#refused} logins with a wrong user or password since the start`,
    );
  }
}

const NOBODY = Buffer.alloc(32);

function digest(password: string | Uint8Array): Buffer {
  return createHash('sha256').update(password).digest();
}
