import { asIotError, IotError } from '../../base/errors.js';
import type { CheckedModule, Trial } from '../../host/update.js';
import type { Deployment } from '../checks/checks.js';
import { sweepDownloads } from '../storage/download.js';
import { type EndingRecord, moduleOf, namedDigests, type PendingRecord } from '../storage/record.js';
import { type Context, recordOf, transit, transitIfPossible } from './context.js';
import { endingRecord } from './endings.js';
import { type Announce, install } from './install.js';
import { type Step, versionOf } from './reporter.js';
import { commit, forget, refuse, revert, type Transition } from './transitions.js';
import { activate, probation } from './trial.js';

/** A deployment, fresh or found on probation when the host started. */
export type Work =
  | { readonly kind: 'new'; readonly wanted: Deployment }
  | { readonly kind: 'resumed'; readonly pending: PendingRecord };

/** Carries one deployment from `verified` to its end. */
export class Job {
  readonly deployment: string;
  readonly sequence: number;
  readonly digests: readonly string[];
  /** What it would fill. */
  readonly slots: readonly string[];
  private readonly controller = new AbortController();
  /** From when the module may have run: a newer push then waits for the outcome. */
  private ran = false;
  private switched = false;
  /** Bindings that the module lacks: perhaps why it did not run. */
  private unbound: readonly string[] | undefined;

  constructor(
    private readonly context: Context,
    private readonly component: string,
    private readonly work: Work,
    /** Digests that other jobs are fetching: their downloads are not swept. */
    private readonly fetching: () => ReadonlySet<string>,
  ) {
    const of = work.kind === 'new' ? work.wanted : work.pending;
    this.deployment = of.deployment;
    this.sequence = of.sequence;
    this.digests =
      work.kind === 'new' ? work.wanted.parts.map(({ digest }) => digest) : [work.pending.digest];
    this.slots = work.kind === 'new' ? work.wanted.parts.map(({ slot }) => slot) : [component];
  }

  /** Ends the job unless its module runs already. */
  supersede(by: number): void {
    if (!this.ran) this.abort(superseded(this.sequence, by));
  }

  /** Ends the job; a module on probation is taken back. */
  abort(reason: IotError): void {
    this.controller.abort(reason);
  }

  /** Never rejects. With E_INTERRUPTED nothing is reported: the next start of the host goes on. */
  async run(): Promise<void> {
    const { context } = this;
    const stopTimer = context.clock.after(context.deadlineMs, () => {
      if (!this.switched)
        this.abort(new IotError('E_TIMEOUT', `not installed within ${context.deadlineMs} ms`));
    });
    try {
      const module =
        this.work.kind === 'new'
          ? await install(context, this.work.wanted, this.announce, this.controller.signal)
          : await this.reload(this.work.pending);
      await this.tryOut(module);
      this.report('active', { unbound: this.unbound });
      await this.sweep();
    } catch (thrown) {
      const error = asIotError(thrown);
      if (error.code !== 'E_INTERRUPTED') await this.end(error);
    } finally {
      stopTimer();
    }
  }

  /** The module of an interrupted probation; its start has been spent already. */
  private async reload(pending: PendingRecord): Promise<CheckedModule> {
    const bytes = await this.context.blobs.read(pending.digest);
    if (bytes === undefined)
      throw new IotError('E_INTERNAL', `module ${pending.digest} is not on disk any more`);
    return moduleOf(pending, bytes);
  }

  /** Resolves once the module is kept. */
  private async tryOut(module: CheckedModule): Promise<void> {
    const { context, component } = this;
    const { signal } = this.controller;
    signal.throwIfAborted();
    this.announce('probation');
    this.ran = true;
    context.target.ensureSlot(component);
    this.unbound = context.target.missingBindings(component, module.capabilities);
    const trial = await activate(context, component, module, signal);
    this.switched = true;
    try {
      const dwellMs = recordOf(context, component).pending?.dwellMs ?? context.dwellMs;
      await probation(context, component, trial, dwellMs, signal);
      await transit(context, component, this.deployment, commit);
    } catch (thrown) {
      const error = asIotError(thrown);
      // The host is stopping: the next start spends another attempt and decides.
      if (error.code !== 'E_INTERRUPTED') await this.undo(trial);
      throw error;
    }
    await trial.commit().catch((thrown: unknown) => this.warn('the old module was not freed', thrown));
  }

  private async undo(trial: Trial): Promise<void> {
    await trial.revert().catch((thrown: unknown) => this.warn('the old module was not put back', thrown));
  }

  private async end(error: IotError): Promise<void> {
    const { context, component, deployment } = this;
    const ending = endingRecord(this, error);
    const lacking = this.unbound !== undefined && this.unbound.length > 0;
    // Then its Start may have failed for that: the same bytes may be pushed again once they are bound.
    const excused = lacking && error.code === 'E_PROBATION_START';
    await transitIfPossible(context, component, deployment, transitionOf(ending, error, excused));
    this.report(ending.state, { reason: ending.reason, ...(lacking ? { unbound: this.unbound } : {}) });
    // What came in before the deadline is the beginning of the next attempt.
    if (error.code !== 'E_TIMEOUT') await this.sweep();
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
    this.context.reporter.status(this.step(state, more), recordOf(this.context, this.component));
  };

  private report(state: Step['state'], more: Partial<Step>): void {
    this.context.reporter.ended(this.step(state, more), recordOf(this.context, this.component));
  }

  private step(state: Step['state'], more: Partial<Step>): Step {
    const { component, deployment, sequence } = this;
    const record = recordOf(this.context, component).pending;
    const pending = record?.deployment === deployment ? versionOf(record) : undefined;
    return { component, deployment, sequence, state, pending, ...more };
  }

  private warn(what: string, thrown: unknown): void {
    this.context.log.warn(`update of ${this.component}: ${what}: ${asIotError(thrown).message}`, {
      component: this.component,
    });
  }
}

function transitionOf(ending: EndingRecord, error: IotError, excused: boolean): Transition {
  if (ending.state === 'rolled-back') return revert(ending, excused);
  if (ending.state === 'rejected' && error.code !== 'E_SUPERSEDED') return refuse(ending);
  return forget(ending.deployment);
}

export function superseded(sequence: number, by: number): IotError {
  return new IotError('E_SUPERSEDED', `sequence ${sequence} gives way to ${by}, which was pushed as well`);
}
