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
import { apply, fallBack, revert, spendStart } from './transitions.js';

/** What the host finds when it starts. */
export interface Booted {
  /** Slot → what runs in it. */
  readonly modules: Map<string, CheckedModule>;
  /** Probations to go on with, each of which has just spent a start. */
  readonly resumed: ReadonlyMap<string, PendingRecord>;
  /** What ended while the host was down: probations that had no start left, and modules that are blocked by now. */
  readonly ended: ReadonlyMap<string, EndingRecord>;
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
  const ended = new Map<string, EndingRecord>();
  await store.change((state) => {
    let next: StateRecord = raiseTime({ ...state, session: state.session + 1 });
    for (const [slot, { pending }] of Object.entries(state.components)) {
      if (pending?.phase !== 'probation') continue;
      const ending = pending.left === 0 ? outOfStarts(pending) : undefined;
      if (ending !== undefined) ended.set(slot, ending);
      next = apply(next, slot, pending.deployment, ending === undefined ? spendStart : revert(ending));
    }
    return next;
  });
  const modules = new Map<string, CheckedModule>();
  const degraded: string[] = [];
  for (const slot of Object.keys(store.current.components)) {
    const module = await runnable(store, blobs, slot, degraded, ended);
    if (module !== undefined) modules.set(slot, module);
  }
  return { modules, resumed: onProbation(store.current), ended, degraded };
}

async function runnable(
  store: Store,
  blobs: Blobs,
  slot: string,
  degraded: string[],
  ended: Map<string, EndingRecord>,
): Promise<CheckedModule | undefined> {
  // Active, then previous: each that cannot or must not run is dropped from the record.
  for (let active = activeOf(store, slot); active !== undefined; active = activeOf(store, slot)) {
    const blocked = componentOf(store.current, slot).blocked.includes(active.digest);
    const bytes = blocked ? undefined : await blobs.read(active.digest);
    if (bytes !== undefined) return moduleOf(active, bytes);
    const why = blocked ? 'is blocked by the trust document' : 'cannot be read';
    degraded.push(`${slot}: module ${active.digest} ${why}, falling back to the one before it`);
    const { deployment } = active;
    const ending = blocked ? takenBack(active) : undefined;
    if (ending !== undefined) ended.set(slot, ending);
    await store.change((state) =>
      apply(state, slot, deployment, (record) => ({
        ...fallBack(record),
        ...(ending === undefined ? {} : { ending }),
      })),
    );
  }
  return undefined;
}

function activeOf(store: Store, slot: string): InstalledRecord | undefined {
  return componentOf(store.current, slot).active;
}

function onProbation(state: StateRecord): Map<string, PendingRecord> {
  const found = new Map<string, PendingRecord>();
  for (const [slot, { pending }] of Object.entries(state.components)) {
    if (pending?.phase === 'probation') found.set(slot, pending);
  }
  return found;
}

function outOfStarts(pending: PendingRecord): EndingRecord {
  const message = 'the host stopped each time the module was on probation';
  return endingRecord(pending, new IotError('E_PROBATION_HEALTH', message));
}

function takenBack(active: InstalledRecord): EndingRecord {
  const error = new IotError('E_BLOCKED', `the trust document blocks module ${active.digest}`);
  // It ran, whatever its code says of refusals.
  return { ...endingRecord(active, error), state: 'rolled-back' };
}
