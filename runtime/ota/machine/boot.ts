import { IotError } from '../../base/errors.js';
import type { CheckedModule } from '../../host/update.js';
import type { Blobs } from '../storage/blobs.js';
import {
  componentOf,
  type EndingRecord,
  type InstalledRecord,
  moduleOf,
  type PendingRecord,
  type StateRecord,
} from '../storage/record.js';
import type { Store } from '../storage/store.js';
import { endingRecord } from './endings.js';
import type { Resumed } from './job.js';
import { post } from './outbox.js';
import { apply, companions, fallBack, revert, spendStart, withEnding } from './transitions.js';

/** A deployment that ended while the host was down. */
export interface Ended {
  readonly component: string;
  readonly slots: readonly string[];
  readonly ending: EndingRecord;
}

/** What the host finds when it starts. */
export interface Booted {
  /** Slot → what runs in it. */
  readonly modules: Map<string, CheckedModule>;
  /** Probations to go on with, each of which has just spent a start. */
  readonly resumed: readonly Resumed[];
  /** Probations that had no start left, and modules that are blocked by now. */
  readonly ended: readonly Ended[];
  /** Slots whose module could not be read, with what became of them. */
  readonly degraded: readonly string[];
}

/**
 * Counts the session in the record that was read, spends a start of every module that was on probation (the host may have
 * been stopped by it), then verifies what is to run: the active module, else the one before it.
 */
export async function boot(
  store: Store,
  blobs: Blobs,
  raiseTime: (state: StateRecord) => StateRecord,
): Promise<Booted> {
  const probations = onProbation(store.current);
  const resumed = probations.filter(({ pending }) => [...pending.values()].every(({ left }) => left > 0));
  const ended = probations.filter((probation) => !resumed.includes(probation)).map(outOfStarts);
  await store.change((state) => {
    let next: StateRecord = raiseTime({ ...state, session: state.session + 1 });
    for (const { pending } of resumed) {
      for (const [slot, { deployment }] of pending) next = apply(next, slot, deployment, spendStart);
    }
    for (const { slots, ending } of ended) {
      for (const slot of slots) next = apply(next, slot, ending.deployment, revert(ending));
      next = post(next, reportOf(ending));
    }
    return next;
  });
  const degraded: string[] = [];
  // Each that cannot or must not run is dropped from the record, until there is none.
  for (;;) {
    const modules = new Map<string, CheckedModule>();
    const unfit = await readAll(store, blobs, modules);
    if (unfit === undefined) return { modules, resumed, ended, degraded };
    const others = companions(store.current, unfit.slot).filter(
      (slot) => componentOf(store.current, slot).previous !== undefined,
    );
    const slots = [unfit.slot, ...others];
    const why = `module ${unfit.active.digest} ${unfit.why}, falling back to the one before it`;
    degraded.push(`${unfit.slot}: ${why}${others.length === 0 ? '' : `, and so do ${others.join(', ')}`}`);
    const end = unfit.blocked ? takenBack(unfit, slots) : undefined;
    if (end !== undefined) ended.push(end);
    await goBack(store, unfit, slots, end?.ending);
  }
}

interface Unfit {
  readonly slot: string;
  readonly active: InstalledRecord;
  readonly why: string;
  /** By the trust document: not a fault of the disk. */
  readonly blocked: boolean;
}

/** Reads what every slot is to run, up to the first that cannot. */
async function readAll(
  store: Store,
  blobs: Blobs,
  modules: Map<string, CheckedModule>,
): Promise<Unfit | undefined> {
  for (const [slot, { active, blocked }] of Object.entries(store.current.components)) {
    if (active === undefined) continue;
    if (blocked.includes(active.digest)) {
      return { slot, active, why: 'is blocked by the trust document', blocked: true };
    }
    const bytes = await blobs.read(active.digest);
    if (bytes === undefined) return { slot, active, why: 'cannot be read', blocked: false };
    modules.set(slot, moduleOf(active, bytes));
  }
  return undefined;
}

/** The module before it runs instead; of a release, those before the others too, where they are known. */
async function goBack(
  store: Store,
  { active }: Unfit,
  slots: readonly string[],
  ending: EndingRecord | undefined,
): Promise<void> {
  const transition = ending === undefined ? fallBack : withEnding(fallBack, ending);
  await store.change((state) => {
    let next = state;
    for (const slot of slots) next = apply(next, slot, active.deployment, transition);
    return ending === undefined ? next : post(next, reportOf(ending));
  });
}

/** A release as a whole: its modules were written in one record, and so they go on. */
function onProbation(state: StateRecord): Resumed[] {
  const found = new Map<string, { component: string; pending: Map<string, PendingRecord> }>();
  for (const [slot, { pending }] of Object.entries(state.components)) {
    if (pending?.phase !== 'probation') continue;
    const { deployment, release } = pending;
    const of = found.get(deployment) ?? { component: release?.name ?? slot, pending: new Map() };
    of.pending.set(slot, pending);
    found.set(deployment, of);
  }
  return [...found.values()];
}

function outOfStarts({ component, pending }: Resumed): Ended {
  const [first] = pending.values();
  const { deployment, sequence, release } = first as PendingRecord;
  const error = new IotError('E_PROBATION_HEALTH', 'the host stopped each time the module was on probation');
  const ending = endingRecord({ deployment, sequence, release: release?.name }, error);
  return { component, slots: [...pending.keys()], ending };
}

function reportOf({ deployment, state, reason }: EndingRecord) {
  return { deployment, state, ...(reason === undefined ? {} : { code: reason.code }) };
}

function takenBack({ slot, active }: Unfit, slots: readonly string[]): Ended {
  const { deployment, sequence, release } = active;
  const error = new IotError('E_BLOCKED', `the trust document blocks module ${active.digest}`);
  // It ran, whatever its code says of refusals.
  const ending = {
    ...endingRecord({ deployment, sequence, release: release?.name }, error),
    state: 'rolled-back' as const,
  };
  return { component: release?.name ?? slot, slots, ending };
}
