import { type Context, recordOf } from './context.js';
import type { Step } from './reporter.js';

/** Refusals kept in memory; the oldest is forgotten, and its message is simply judged again. */
const MAX_REMEMBERED = 64;

/**
 * Answers to messages that come again, as retained ones do with every connection: the same last status, and nothing
 * is run. Deployments that ran or were fetched are remembered on disk, plain refusals only here: whoever can
 * publish could wear out the disk otherwise.
 */
export class Answers {
  private readonly refused = new Map<string, Step>();

  constructor(private readonly context: Context) {}

  /** `message`: SHA-256 of the envelope. Refusals go by it, since anybody can put a name on a bad envelope. */
  remember(message: string, step: Step): void {
    this.refused.set(message, step);
    const [oldest] = this.refused.keys();
    if (this.refused.size > MAX_REMEMBERED && oldest !== undefined) this.refused.delete(oldest);
  }

  /** What is installed or trusted has changed, so that refusals may be wrong by now. Default: of all components. */
  forgetRefusals(component?: string): void {
    for (const [message, step] of this.refused) {
      if (component === undefined || step.component === component) this.refused.delete(message);
    }
  }

  /** Reports the outcome once more if there is one; false when the message has to be judged. */
  repeat(component: string, deployment: string, message: string): boolean {
    const step = this.outcome(component, deployment) ?? this.refused.get(message);
    if (step === undefined || step.component !== component) return false;
    this.context.reporter.status(step, recordOf(this.context, component));
    return true;
  }

  private outcome(component: string, deployment: string): Step | undefined {
    const { active, ending } = recordOf(this.context, component);
    if (active?.deployment === deployment) {
      const unbound = this.context.target.missingBindings(component, active.capabilities);
      return { component, deployment, sequence: active.sequence, state: 'active', unbound };
    }
    return ending?.deployment === deployment ? { component, ...ending } : undefined;
  }
}
