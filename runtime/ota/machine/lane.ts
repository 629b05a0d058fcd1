import { asIotError, IotError } from '../../base/errors.js';
import type { Deployment } from '../checks/checks.js';
import { deploymentId } from '../checks/deployment-id.js';
import { sha256Hex } from '../storage/blobs.js';
import type { PendingRecord } from '../storage/record.js';
import type { Answers } from './answers.js';
import { type Context, knownOf, recordOf, transitIfPossible } from './context.js';
import { endingRecord } from './endings.js';
import { Job, superseded, type Work } from './job.js';
import { forget } from './transitions.js';

interface Waiting {
  readonly wanted: Deployment;
  /** SHA-256 of the message, hex. */
  readonly message: string;
}

/** What happens to one component: at most one deployment runs, and at most one waits for it. */
export class Lane {
  private job: Job | undefined;
  private waiting: Waiting | undefined;
  private working: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly context: Context,
    private readonly component: string,
    private readonly answers: Answers,
    private readonly fetching: (except: Lane) => ReadonlySet<string>,
  ) {}

  /** Resolves when nothing runs or waits any more. */
  get idle(): Promise<void> {
    return this.working;
  }

  get busy(): boolean {
    return this.job !== undefined || this.waiting !== undefined;
  }

  /** Digests that are being brought onto the disk. */
  get digests(): readonly string[] {
    return [...(this.job?.digests ?? []), ...this.waitingDigests];
  }

  /** What the next job will need. */
  get waitingDigests(): readonly string[] {
    return this.waiting?.wanted.parts.map(({ digest }) => digest) ?? [];
  }

  /** Goes on with a probation that the last run of the host left behind. */
  resume(pending: PendingRecord): void {
    if (!this.busy) this.start({ kind: 'resumed', pending });
  }

  /** One message of `ota/desired/<component>`, new or seen before. */
  desired(envelope: Uint8Array): void {
    const deployment = deploymentId(envelope);
    if (deployment === this.job?.deployment || deployment === this.waiting?.wanted.deployment) return;
    const message = sha256Hex(envelope);
    if (this.answers.repeat(this.component, deployment, message)) return;
    const { context, component } = this;
    context.reporter.status({ component, deployment, state: 'received' }, recordOf(context, component));
    let wanted: Deployment;
    try {
      wanted = context.checks.envelope(component, envelope, knownOf(context));
      if (wanted.parts.length > 1) {
        throw new IotError('E_COMMAND', `an update of ${wanted.parts.length} slots is not supported`);
      }
    } catch (thrown) {
      this.refuse({ deployment, sequence: undefined }, message, asIotError(thrown));
      return;
    }
    if (wanted.timeUnverified) {
      context.log.warn(
        `update of ${component}: time-unverified, no trusted clock says whether it has expired`,
        {
          component,
          deployment,
        },
      );
    }
    this.enqueue({ wanted, message });
  }

  /** The empty message: nothing is desired any more. What is active stays. */
  async cancel(): Promise<void> {
    const reason = new IotError('E_CANCELLED', 'the update was withdrawn');
    const { waiting, context, component } = this;
    this.waiting = undefined;
    if (waiting !== undefined) this.refuse(waiting.wanted, waiting.message, reason);
    if (this.job !== undefined) {
      this.job.abort(reason);
      return;
    }
    const { pending } = recordOf(context, component);
    if (pending !== undefined) {
      await transitIfPossible(context, component, pending.deployment, forget(pending.deployment));
    }
  }

  /** Ends what would fill one of `slots`: it rests on a trust document that is not in force any more. */
  distrust(slots: readonly string[], reason: IotError): void {
    const { waiting, job } = this;
    if (waiting?.wanted.parts.some(({ slot }) => slots.includes(slot))) {
      this.waiting = undefined;
      this.refuse(waiting.wanted, waiting.message, reason);
    }
    if (job?.slots.some((slot) => slots.includes(slot))) job.abort(reason);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.waiting = undefined;
    this.job?.abort(new IotError('E_INTERRUPTED', 'the host is stopping'));
    await this.working;
  }

  private enqueue(next: Waiting): void {
    const { waiting, job } = this;
    const rival = waiting?.wanted ?? job;
    const { sequence, component } = next.wanted;
    if (rival !== undefined && sequence < rival.sequence) {
      this.refuse(next.wanted, next.message, superseded(sequence, rival.sequence));
      return;
    }
    if (rival !== undefined && sequence === rival.sequence) {
      const reason = `sequence ${sequence} of ${component} is being installed with other content`;
      this.refuse(next.wanted, next.message, new IotError('E_EQUIVOCATION', reason));
      return;
    }
    if (waiting !== undefined) {
      this.refuse(waiting.wanted, waiting.message, superseded(waiting.wanted.sequence, sequence));
    }
    if (job === undefined) {
      this.start({ kind: 'new', wanted: next.wanted });
      return;
    }
    this.waiting = next;
    job.supersede(sequence);
  }

  private start(work: Work): void {
    const job = new Job(this.context, this.component, work, () => this.fetching(this));
    this.job = job;
    this.working = job.run().then(() => this.next());
  }

  private async next(): Promise<void> {
    const { waiting } = this;
    this.job = undefined;
    this.waiting = undefined;
    this.answers.forgetRefusals(this.component);
    if (waiting === undefined || this.stopped) return;
    this.start({ kind: 'new', wanted: waiting.wanted });
    await this.working;
  }

  /** Ends a deployment that never became a job. */
  private refuse(
    of: { readonly deployment: string; readonly sequence: number | undefined },
    message: string,
    error: IotError,
  ): void {
    const { context, component } = this;
    const { deployment, sequence } = of;
    const { state, reason } = endingRecord({ deployment, sequence: sequence ?? 0 }, error);
    const step = { component, deployment, sequence, state, reason };
    if (state === 'rejected') this.answers.remember(message, step);
    context.reporter.ended(step, recordOf(context, component));
  }
}
