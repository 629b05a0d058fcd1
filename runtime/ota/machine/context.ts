import type { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { UpdateTarget } from '../../host/update.js';
import type { Checks, Known } from '../checks/checks.js';
import type { Clock } from '../clock.js';
import type { ModuleSource } from '../ports.js';
import type { Blobs } from '../storage/blobs.js';
import type { FileSystem } from '../storage/fs.js';
import { type ComponentRecord, componentOf } from '../storage/record.js';
import type { Store } from '../storage/store.js';
import type { Time } from '../time.js';
import type { Reporter } from './reporter.js';
import { apply, type Transition } from './transitions.js';

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
  /** Least time on probation, milliseconds. */
  readonly dwellMs: number;
  /** A deployment must be running by then, milliseconds. */
  readonly deadlineMs: number;
}

export function recordOf(context: Context, component: string): ComponentRecord {
  return componentOf(context.store.current, component);
}

/** Writes one transition of one component. Rejects as `Store.change`. */
export async function transit(
  context: Context,
  component: string,
  deployment: string,
  transition: Transition,
): Promise<void> {
  const { time, store } = context;
  await store.change((state) => {
    const next = apply(state, component, deployment, transition);
    return next === state ? state : time.raise(next);
  });
}

/** `transit` for what has happened anyway: a failure is logged, not thrown. */
export async function transitIfPossible(
  context: Context,
  component: string,
  deployment: string,
  transition: Transition,
): Promise<void> {
  try {
    await transit(context, component, deployment, transition);
  } catch (thrown) {
    context.log.error(`update record of ${component}: ${(thrown as IotError).message}`, { component });
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
