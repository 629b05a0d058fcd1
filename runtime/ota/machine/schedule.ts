import { asIotError, IotError } from '../../base/errors.js';
import type { Deployment } from '../checks/checks.js';
import type { Answers } from './answers.js';
import { type Context, forAll, transitIfPossible } from './context.js';
import { endingOf, endingRecord } from './endings.js';
import { Job, type Resumed, type Work } from './job.js';
import { forget } from './transitions.js';

/** A deployment whose envelope has passed. */
export interface Wanted {
  readonly wanted: Deployment;
  /** Judges the envelope once more. Throws the reason of refusal. */
  readonly judge: () => Deployment;
  /** SHA-256 of the message, hex. */
  readonly message: string;
}

/** What two deployments may be rivals for: the name under which they come, or a slot. */
interface Claim {
  readonly component: string;
  readonly deployment: string;
  readonly sequence: number;
  readonly slots: readonly string[];
}

interface Waiting extends Claim, Wanted {}

/** Of two deployments for one slot or one name, one runs at a time; the newest of the others waits for it. */
export class Schedule {
  private readonly running = new Map<Job, Promise<void>>();
  private waiting: readonly Waiting[] = [];
  private stopped = false;

  constructor(
    private readonly context: Context,
    private readonly answers: Answers,
  ) {}

  /** Resolves when nothing runs or waits any more. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running.values());
  }

  /** Resolves when no module is on trial in the slot any more; with whether one was. */
  async untried(slot: string): Promise<boolean> {
    const trials = [...this.running].filter(([job]) => job.hasRun && concerns(job, slot));
    await Promise.all(trials.map(([, over]) => over));
    return trials.length > 0;
  }

  /** Whether that deployment runs or waits. */
  has(deployment: string): boolean {
    return this.claims().some((claim) => claim.deployment === deployment);
  }

  /** Whether something runs or waits for the slot, or under that name. */
  busy(component: string): boolean {
    return this.claims().some((claim) => concerns(claim, component));
  }

  /** Highest sequence number that runs or waits for the slot, or under that name; 0 for none. */
  newest(component: string): number {
    const concerned = this.claims().filter((claim) => concerns(claim, component));
    return Math.max(0, ...concerned.map(({ sequence }) => sequence));
  }

  /** Modules that are being brought onto the disk, as digests; of all jobs but one. */
  digests(except?: Job): ReadonlySet<string> {
    const jobs = [...this.running.keys()].filter((job) => job !== except);
    const coming = this.waiting.flatMap(({ wanted }) => wanted.parts.map(({ digest }) => digest));
    return new Set([...jobs.flatMap((job) => job.digests), ...coming]);
  }

  /** Goes on with a probation that the last run of the host left behind. */
  resume(resumed: Resumed): void {
    this.start({ kind: 'resumed', resumed });
  }

  /** Runs it, now or when what it replaces has ended; refuses it when there is a newer one. */
  add(next: Wanted): void {
    const { component, deployment, sequence, parts } = next.wanted;
    const claim = { component, deployment, sequence, slots: parts.map(({ slot }) => slot), ...next };
    const newest = this.claims().filter((other) => rivals(claim, other));
    const above = newest.find((other) => other.sequence >= sequence);
    if (above !== undefined) {
      this.answers.refuse(claim, above.sequence > sequence ? superseded(claim, above) : equivocation(claim));
      return;
    }
    this.drop(
      (other) => rivals(claim, other),
      (other) => superseded(other, claim),
    );
    const jobs = this.rivalJobs(claim);
    if (jobs.length === 0) {
      this.start({ kind: 'new', wanted: next.wanted });
      return;
    }
    this.waiting = [...this.waiting, claim];
    for (const job of jobs) job.abortUnlessRun(superseded(job, claim));
  }

  /** Nothing is desired under that name any more. What runs already stays, on probation too. */
  async withdraw(component: string): Promise<void> {
    const reason = new IotError('E_CANCELLED', 'the update was withdrawn');
    this.drop(
      (waiting) => waiting.component === component,
      () => reason,
    );
    const jobs = [...this.running.keys()].filter((job) => job.component === component);
    for (const job of jobs) job.abortUnlessRun(reason);
    if (jobs.length === 0) await this.forgetStaged((name) => name === component);
  }

  /**
   * Takes back whatever goes on under that name or for that slot, modules on probation too: the same deployments are
   * not run again. Resolves with whether something was taken back.
   */
  async abort(component: string): Promise<boolean> {
    const reason = new IotError('E_CANCELLED', 'the update was taken back');
    const waited = this.drop(
      (waiting) => concerns(waiting, component),
      () => reason,
    );
    const jobs = [...this.running].filter(([job]) => concerns(job, component));
    for (const [job] of jobs) job.abort(reason, { forGood: true });
    await Promise.all(jobs.map(([, over]) => over));
    // Last, as one ending is kept for each slot, and these came in last.
    for (const waiting of waited) await this.refuseForGood(waiting, reason);
    if (jobs.length > 0) return waited.length > 0 || jobs.some(([job]) => job.takenBack);
    return (await this.forgetStaged((name, slot) => [name, slot].includes(component))) || waited.length > 0;
  }

  /** Ends what would fill one of `slots`: it rests on a trust document that is not in force any more. */
  distrust(slots: readonly string[], reason: IotError): void {
    const rests = (claim: Claim) => claim.slots.some((slot) => slots.includes(slot));
    this.drop(rests, () => reason);
    for (const job of this.running.keys()) if (rests(job)) job.abort(reason);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.waiting = [];
    for (const job of this.running.keys()) job.abort(new IotError('E_INTERRUPTED', 'the host is stopping'));
    await this.idle();
  }

  private start(work: Work): void {
    const job: Job = new Job(this.context, work, () => this.digests(job));
    this.running.set(
      job,
      job.run().then(() => {
        this.running.delete(job);
        this.answers.forgetRefusals();
        this.next();
      }),
    );
  }

  private next(): void {
    if (this.stopped) return;
    const ready = this.waiting.filter((waiting) => this.rivalJobs(waiting).length === 0);
    this.waiting = this.waiting.filter((waiting) => !ready.includes(waiting));
    for (const waiting of ready) {
      try {
        // What it waited for may have changed what it was judged by.
        this.start({ kind: 'new', wanted: waiting.judge() });
      } catch (thrown) {
        this.answers.refuse(waiting, asIotError(thrown));
      }
    }
  }

  private claims(): readonly Claim[] {
    return [...this.running.keys(), ...this.waiting];
  }

  private rivalJobs(claim: Claim): Job[] {
    return [...this.running.keys()].filter((job) => rivals(claim, job));
  }

  /** Ends those that wait, and says which that were. */
  private drop(
    which: (waiting: Waiting) => boolean,
    why: (waiting: Waiting) => IotError,
  ): readonly Waiting[] {
    const gone = this.waiting.filter(which);
    this.waiting = this.waiting.filter((waiting) => !gone.includes(waiting));
    for (const waiting of gone) this.answers.refuse(waiting, why(waiting));
    return gone;
  }

  private async refuseForGood(
    { component, deployment, sequence, slots }: Claim,
    reason: IotError,
  ): Promise<void> {
    const release = slots.length > 1 ? component : undefined;
    const ending = endingRecord({ deployment, sequence, release }, reason);
    const transition = endingOf(ending, { guilty: false, lacks: false, forGood: true });
    await transitIfPossible(this.context, deployment, forAll(slots, transition));
  }

  /** Forgets what an earlier run of the host has staged and nobody goes on with. */
  private async forgetStaged(which: (name: string, slot: string) => boolean): Promise<boolean> {
    const { components } = this.context.store.current;
    const staged = new Map<string, string>();
    for (const [slot, { pending }] of Object.entries(components)) {
      if (pending === undefined || !which(pending.release?.name ?? slot, slot)) continue;
      staged.set(slot, pending.deployment);
    }
    for (const [slot, deployment] of staged) {
      await transitIfPossible(this.context, deployment, forAll([slot], forget(deployment)));
    }
    return staged.size > 0;
  }
}

function concerns({ component, slots }: Claim, name: string): boolean {
  return component === name || slots.includes(name);
}

function rivals(one: Claim, other: Claim): boolean {
  return one.component === other.component || one.slots.some((slot) => other.slots.includes(slot));
}

function superseded({ sequence }: Claim, by: Claim): IotError {
  const reason = `sequence ${sequence} gives way to ${by.sequence}, which was pushed as well`;
  return new IotError('E_SUPERSEDED', reason);
}

function equivocation({ sequence, component }: Claim): IotError {
  const reason = `sequence ${sequence} of ${component} is being installed with other content`;
  return new IotError('E_EQUIVOCATION', reason);
}
