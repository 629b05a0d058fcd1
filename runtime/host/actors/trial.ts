import type { IotError } from '../../base/errors.js';
import type { Trial } from '../update.js';

export interface TrialParts {
  /** Messages that the slot has handled, ever. */
  handled(): number;
  checkHealth(): Promise<void>;
  commit(): Promise<void>;
  revert(): Promise<void>;
}

/** A module in probation, as its slot shows it to the update machine. */
export class SlotTrial implements Trial {
  readonly fault: Promise<IotError>;
  readonly #parts: TrialParts;
  readonly #handledBefore: number;
  #failedAt: number | undefined;
  #resolve: (error: IotError) => void = () => undefined;

  constructor(parts: TrialParts) {
    this.#parts = parts;
    this.#handledBefore = parts.handled();
    this.fault = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** When it failed, by the monotonic clock in milliseconds. */
  get failedAt(): number | undefined {
    return this.#failedAt;
  }

  fail(error: IotError): void {
    this.#failedAt ??= performance.now();
    this.#resolve(error);
  }

  handled(): number {
    return this.#parts.handled() - this.#handledBefore;
  }

  async checkHealth(): Promise<void> {
    await this.#parts.checkHealth();
  }

  commit(): Promise<void> {
    return this.#parts.commit();
  }

  revert(): Promise<void> {
    return this.#parts.revert();
  }
}
