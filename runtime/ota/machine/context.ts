import { asIotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { UpdateTarget } from '../../host/update.js';
import type { Checks, Known } from '../checks/checks.js';
import type { Clock } from '../clock.js';
import type { ModuleSource } from '../ports.js';
import type { Blobs } from '../storage/blobs.js';
import type { FileSystem } from '../storage/fs.js';
import { type ComponentRecord, componentOf, EMPTY_COMPONENT } from '../storage/record.js';
import type { Store } from '../storage/store.js';
import type { Time } from '../time.js';
import { type Ended, post } from './outbox.js';
import type { Reporter } from './reporter.js';
import { apply, dropBroken, type Transition } from './transitions.js';

/** What every part of the machine works with. */
export interface Context {
  readonly fs: FileSystem;
  /** Where downloads grow. */
  readonly tmp: string;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly checks: Checks;
  readonly target: UpdateTarget;
  readonly source: ModuleSource;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly time: Time;
  readonly log: Logger;
  /** Whether the device has its broker. */
  readonly connected: () => boolean;
  /** Least time on probation, milliseconds. */
  readonly dwellMs: number;
  /** A deployment must be running by then, milliseconds. */
  readonly deadlineMs: number;
}

export function recordOf(context: Context, component: string): ComponentRecord {
  return componentOf(context.store.current, component);
}

/**
 * What is said of a component: the record of a slot; of a release that has no slot of its name, the number that a
 * new manifest must exceed. `slots`: those of the release, where they are known.
 */
export function viewOf(context: Context, component: string, slots: readonly string[] = []): ComponentRecord {
  const { components } = context.store.current;
  if (Object.hasOwn(components, component)) return recordOf(context, component);
  const installed = Object.keys(components).filter((slot) => releaseOf(context, slot) === component);
  const floors = [...installed, ...slots].map((slot) => recordOf(context, slot).floor);
  return { ...EMPTY_COMPONENT, floor: Math.max(0, ...floors) };
}

function releaseOf(context: Context, slot: string): string | undefined {
  return recordOf(context, slot).active?.release?.name;
}

/** Slot → what happens to its record. */
export type Transitions = ReadonlyMap<string, Transition>;

/** The same for all of them. */
export function forAll(slots: readonly string[], transition: Transition): Transitions {
  return new Map(slots.map((slot) => [slot, transition]));
}

/** All transitions in one write, and in the same record what is to be reported of them. Rejects as `Store.change`. */
export async function transit(
  context: Context,
  deployment: string,
  transitions: Transitions,
  ended?: Ended,
): Promise<void> {
  const { time, store } = context;
  await store.change((state) => {
    let next = state;
    for (const [slot, transition] of transitions) next = apply(next, slot, deployment, transition);
    const whole = next === state ? state : dropBroken(state, next, deployment);
    const posted = ended === undefined ? whole : post(whole, ended);
    return posted === state ? state : time.raise(posted);
  });
}

/** `transit` for what has happened anyway: a failure is logged, not thrown. Resolves with whether it was written. */
export async function transitIfPossible(
  context: Context,
  deployment: string,
  transitions: Transitions,
  ended?: Ended,
): Promise<boolean> {
  try {
    await transit(context, deployment, transitions, ended);
    return true;
  } catch (thrown) {
    const slots = [...transitions.keys()].join(', ');
    context.log.error(`update record of ${slots}: ${asIotError(thrown).message}`);
    return false;
  }
}

/** What an envelope is judged against, now. */
export function knownOf(context: Context): Known {
  return {
    now: context.time.now(),
    slot(name) {
      const { floor, floorDeployment, blocked, active } = recordOf(context, name);
      return { floor, floorDeployment, blocked, installed: active };
    },
  };
}
