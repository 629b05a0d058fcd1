import type { IotError } from '../../base/errors.js';
import { type Context, viewOf } from './context.js';
import { endingRecord } from './endings.js';
import type { Step } from './reporter.js';
import { tell } from './tell.js';

/** Refusals kept in memory; the oldest is forgotten, and its message is simply judged again. */
const MAX_REMEMBERED = 64;

/** A deployment that never became a job. */
export interface Refused {
  readonly component: string;
  readonly deployment: string;
  /** Unknown until the manifest has been read; so are the slots. */
  readonly sequence?: number | undefined;
  readonly slots?: readonly string[] | undefined;
  /** SHA-256 of the message, hex. */
  readonly message: string;
}

/**
 * Answers to messages that come again, as retained ones do with every connection: the same last status, and nothing
 * is run. Deployments that ran or were fetched are remembered on disk, plain refusals only here: whoever can
 * publish could wear out the disk otherwise.
 */
export class Answers {
  /** By message: anybody can put a name on a bad envelope. */
  private readonly refused = new Map<string, Step>();

  constructor(private readonly context: Context) {}

  /** Ends a deployment that never became a job. */
  refuse({ component, deployment, sequence, slots = [], message }: Refused, error: IotError): void {
    const { state, reason } = endingRecord({ deployment, sequence: sequence ?? 0 }, error);
    const step = { component, deployment, sequence, state, reason };
    if (state === 'rejected') this.remember(message, step);
    this.context.reporter.refused(step, viewOf(this.context, component, slots));
  }

  /** What is installed or trusted has changed, so that refusals may be wrong by now. */
  forgetRefusals(): void {
    this.refused.clear();
  }

  /** Reports the outcome once more if there is one; false when the message has to be judged. */
  repeat(component: string, deployment: string, message: string): boolean {
    const step =
      this.kept(component, deployment) ?? this.ended(component, deployment) ?? this.refused.get(message);
    if (step === undefined || step.component !== component) return false;
    tell(this.context, [], step);
    return true;
  }

  /** That all of its modules are active, but for those that somebody has removed. */
  private kept(component: string, deployment: string): Step | undefined {
    const { store, target } = this.context;
    const unbound: string[] = [];
    let sequence: number | undefined;
    let missing = 1;
    let removed = 0;
    for (const [slot, { active, ending }] of Object.entries(store.current.components)) {
      if (active === undefined && ending?.deployment === deployment && ending.release === component)
        removed += 1;
      if (active?.deployment !== deployment || (active.release?.name ?? slot) !== component) continue;
      if (sequence === undefined) missing = active.release?.parts ?? 1;
      missing -= 1;
      sequence = active.sequence;
      unbound.push(...target.missingBindings(slot, active.capabilities));
    }
    return sequence === undefined || missing > removed
      ? undefined
      : { component, deployment, sequence, state: 'active', unbound };
  }

  /** How it ended, when that is on the disk. */
  private ended(component: string, deployment: string): Step | undefined {
    for (const [slot, { ending }] of Object.entries(this.context.store.current.components)) {
      if (ending?.deployment !== deployment || (ending.release ?? slot) !== component) continue;
      const { sequence, state, reason } = ending;
      return { component, deployment, sequence, state, reason };
    }
    return undefined;
  }

  private remember(message: string, step: Step): void {
    this.refused.set(message, step);
    const [oldest] = this.refused.keys();
    if (this.refused.size > MAX_REMEMBERED && oldest !== undefined) this.refused.delete(oldest);
  }
}
