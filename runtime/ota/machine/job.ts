import { asIotError, IotError } from '../../base/errors.js';
import type { CheckedModule } from '../../host/update.js';
import type { Deployment } from '../checks/checks.js';
import { sweepDownloads } from '../storage/download.js';
import { moduleOf, namedDigests, type PendingRecord } from '../storage/record.js';
import { type Context, forAll, recordOf, transit, transitIfPossible } from './context.js';
import { endingOf, endingRecord, unwritten } from './endings.js';
import { type Announce, install } from './install.js';
import { causedBy, type Ended, grownBy } from './outbox.js';
import { PartFault } from './part-fault.js';
import { probation } from './probation.js';
import { type Step, versionOf } from './reporter.js';
import { tell, tellEnd } from './tell.js';
import { commit } from './transitions.js';
import { activate, revertAll } from './trial.js';

/** Modules found on probation when the host started: slot → what its record says. */
export interface Resumed {
  readonly component: string;
  readonly pending: ReadonlyMap<string, PendingRecord>;
}

/** A deployment, fresh or found on probation. */
export type Work =
  | { readonly kind: 'new'; readonly wanted: Deployment }
  | { readonly kind: 'resumed'; readonly resumed: Resumed };

/** Carries one deployment, all parts of it together, from `verified` to its end. */
export class Job {
  readonly component: string;
  readonly deployment: string;
  readonly sequence: number;
  readonly slots: readonly string[];
  readonly digests: readonly string[];
  private readonly controller = new AbortController();
  /** From when a module may have run: a newer push then waits for the outcome. */
  private ran = false;
  private switched = false;
  /** It was taken back by who may do so: it is not run again. */
  private forGood = false;
  /** It ended by being taken back, or withdrawn. */
  private cancelled = false;
  /** Slot → bindings that its module lacks: perhaps why it did not run. */
  private readonly unbound = new Map<string, readonly string[]>();
  /** What its modules may use that those before could not. */
  private grown: readonly string[] = [];

  constructor(
    private readonly context: Context,
    private readonly work: Work,
    /** Digests that other jobs are fetching: their downloads are not swept. */
    private readonly fetching: () => ReadonlySet<string>,
  ) {
    const { component, deployment, sequence, parts } =
      work.kind === 'new' ? work.wanted : ofRecord(work.resumed);
    this.component = component;
    this.deployment = deployment;
    this.sequence = sequence;
    this.slots = parts.map(({ slot }) => slot);
    this.digests = parts.map(({ digest }) => digest);
  }

  /** Whether a module of it may have run. */
  get hasRun(): boolean {
    return this.ran;
  }

  /** Once it is over: whether `abort` was in time. */
  get takenBack(): boolean {
    return this.cancelled;
  }

  /** Ends the job unless a module of it may have run. */
  abortUnlessRun(reason: IotError): void {
    if (!this.ran) this.abort(reason);
  }

  /** Ends the job; modules on probation are taken back. `forGood`: the same deployment is not run again. */
  abort(reason: IotError, { forGood = false } = {}): void {
    this.forGood ||= forGood;
    this.controller.abort(reason);
  }

  /** Never rejects. With E_INTERRUPTED nothing is reported: the next start of the host goes on. */
  async run(): Promise<void> {
    const { context, work } = this;
    const stopTimer = context.clock.after(context.deadlineMs, () => {
      if (!this.switched)
        this.abort(new IotError('E_TIMEOUT', `not installed within ${context.deadlineMs} ms`));
    });
    try {
      const modules =
        work.kind === 'new'
          ? await install(context, work.wanted, this.announce, this.controller.signal)
          : await this.reload(work.resumed);
      await this.tryOut(modules);
      tellEnd(context, this.slots, this.step('active', { unbound: this.lacking() }));
      await this.sweep();
    } catch (thrown) {
      const error = asIotError(thrown);
      if (error.code !== 'E_INTERRUPTED') await this.end(error);
    } finally {
      stopTimer();
    }
  }

  /** The modules of an interrupted probation; their start has been spent already. */
  private async reload({ pending }: Resumed): Promise<ReadonlyMap<string, CheckedModule>> {
    const modules = new Map<string, CheckedModule>();
    for (const [slot, record] of pending) {
      const bytes = await this.context.blobs.read(record.digest);
      if (bytes === undefined)
        throw new IotError('E_INTERNAL', `module ${record.digest} is not on disk any more`);
      modules.set(slot, moduleOf(record, bytes));
    }
    return modules;
  }

  /** Resolves once all modules are kept. */
  private async tryOut(modules: ReadonlyMap<string, CheckedModule>): Promise<void> {
    const { context, slots } = this;
    const { signal } = this.controller;
    signal.throwIfAborted();
    this.announce('probation');
    this.ran = true;
    for (const [slot, { capabilities }] of modules) {
      context.target.ensureSlot(slot);
      this.unbound.set(slot, context.target.missingBindings(slot, capabilities));
    }
    const wasConnected = context.connected();
    const trials = await activate(context, modules, signal);
    this.switched = true;
    try {
      const asked = slots.map((slot) => recordOf(context, slot).pending?.dwellMs ?? 0);
      const dwellMs = Math.max(context.dwellMs, ...asked);
      await probation(context, trials, { dwellMs, wasConnected }, signal);
      await transit(context, this.deployment, forAll(slots, commit), this.ended({ state: 'active' }));
    } catch (thrown) {
      // With E_INTERRUPTED the host is stopping: the next start spends another attempt and decides.
      if (asIotError(thrown).code !== 'E_INTERRUPTED') await revertAll(context, trials);
      throw thrown;
    }
    for (const [slot, trial] of trials) {
      await trial
        .commit()
        .catch((thrown: unknown) => this.warn(`old module of ${slot} was not freed`, thrown));
    }
  }

  private async end(error: IotError): Promise<void> {
    const { context, deployment, slots } = this;
    const release = slots.length > 1 ? this.component : undefined;
    const ending = endingRecord({ deployment, sequence: this.sequence, release }, error);
    const culprit = error instanceof PartFault ? error.slot : undefined;
    const transitions = slots.map((slot) => {
      const lacks = (this.unbound.get(slot) ?? []).length > 0;
      const guilty = culprit === undefined || culprit === slot;
      return [slot, endingOf(ending, { guilty, lacks, forGood: this.forGood })] as const;
    });
    const ended = this.ended({ state: ending.state, code: error.code, ...causedBy(this.indexOf(culprit)) });
    const written = await transitIfPossible(context, deployment, new Map(transitions), ended);
    // While the record says that it is on probation, the next start of the host tries it again.
    const { state, reason } = written || !this.ran ? ending : unwritten(ending);
    this.cancelled = state === 'cancelled';
    const lacking = this.lacking();
    const more = lacking !== undefined && lacking.length > 0 ? { unbound: lacking } : {};
    tellEnd(context, slots, this.step(state, { reason, ...more }));
    // What came in before the deadline is the beginning of the next attempt.
    if (error.code !== 'E_TIMEOUT') await this.sweep();
  }

  /** Lines of all bindings that are lacking; `undefined` before that was looked at. */
  private lacking(): readonly string[] | undefined {
    return this.unbound.size === 0 ? undefined : [...this.unbound.values()].flat();
  }

  /** Modules and downloads that nothing needs any more; a failure costs space, not the update. */
  private async sweep(): Promise<void> {
    const { blobs, fs, tmp, store } = this.context;
    const others = this.fetching();
    try {
      await blobs.sweep(new Set([...namedDigests(store.current), ...others]));
      await sweepDownloads(fs, tmp, others);
    } catch (thrown) {
      this.warn('old files were not removed', thrown);
    }
  }

  private readonly announce: Announce = (state, more = {}) => {
    this.grown = more.grown ?? this.grown;
    tell(this.context, this.slots, this.step(state, more));
  };

  /** What the fleet is told of the end. */
  private ended(how: Pick<Ended, 'state' | 'code' | 'component'>): Ended {
    const { context, deployment, slots, work } = this;
    const unverified =
      (work.kind === 'new' && work.wanted.timeUnverified) ||
      slots.some((slot) => {
        const { pending } = recordOf(context, slot);
        return pending?.deployment === deployment && pending.timeUnverified;
      });
    const grown = grownBy(this.grown);
    return { deployment, ...how, ...grown, ...(unverified ? { timeUnverified: true } : {}) };
  }

  /** The place of a slot in the manifest. */
  private indexOf(slot: string | undefined): number | undefined {
    if (slot === undefined) return undefined;
    const { work } = this;
    return work.kind === 'new' ? this.slots.indexOf(slot) : work.resumed.pending.get(slot)?.release?.index;
  }

  private step(state: Step['state'], more: Partial<Step>): Step {
    const { component, deployment, sequence } = this;
    const [only] = this.slots.length === 1 ? this.slots : [];
    const record = only === undefined ? undefined : recordOf(this.context, only).pending;
    const pending = record?.deployment === deployment ? versionOf(record) : undefined;
    return { component, deployment, sequence, state, pending, ...more };
  }

  private warn(what: string, thrown: unknown): void {
    this.context.log.warn(`update of ${this.component}: ${what}: ${asIotError(thrown).message}`, {
      component: this.component,
    });
  }
}

function ofRecord({ component, pending }: Resumed) {
  const [first] = pending.values();
  if (first === undefined) throw new Error(`nothing of ${component} is on probation`);
  const { deployment, sequence } = first;
  const parts = [...pending].map(([slot, { digest }]) => ({ slot, digest }));
  return { component, deployment, sequence, parts };
}
