import { type Context, recordOf, viewOf } from './context.js';
import type { Step } from './reporter.js';

/** A status of a deployment on the way. */
export function tell(context: Context, slots: readonly string[], step: Step): void {
  context.reporter.status(step, viewOf(context, step.component, slots), slots);
}

/**
 * The last status of a deployment, and the report of it. Whoever looks at one slot of a release must see as well what
 * that runs now.
 */
export function tellEnd(context: Context, slots: readonly string[], step: Step): void {
  context.reporter.ended(step, viewOf(context, step.component, slots), slots);
  for (const slot of slots) {
    if (slot !== step.component)
      context.reporter.status({ ...step, component: slot }, recordOf(context, slot));
  }
}
