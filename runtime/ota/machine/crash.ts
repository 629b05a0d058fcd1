import { asIotError, IotError, withContext } from '../../base/errors.js';
import type { CheckedModule } from '../../host/update.js';
import { moduleOf } from '../storage/record.js';
import { type Context, recordOf, transit } from './context.js';
import { endingRecord } from './endings.js';
import { causedBy } from './outbox.js';
import { tellEnd } from './tell.js';
import { companions, crashBack, mayFallBack } from './transitions.js';

/**
 * The module that is active in `slot` has crashed too often: the one before it takes over, with those before the others
 * of its release, in one write. False, and nothing changes, when one of them has nothing to go back to, or when the
 * module is not the active one any more. Rejects when the record cannot be written.
 */
export async function fallBackFrom(
  context: Context,
  slot: string,
  digest: string,
  error: IotError,
  /** Resolves when no module is on trial in the slot any more; with whether one was. */
  untried: (slot: string) => Promise<boolean>,
): Promise<boolean> {
  const { active } = recordOf(context, slot);
  if (active?.digest !== digest) return false;
  const slots = [slot, ...companions(context.store.current, slot)];
  const modules = await before(context, slots);
  if (modules === undefined) return false;
  const { deployment, sequence, release } = active;
  const why = withContext(new IotError('E_CRASHED', `${error.code}: ${error.message}`), slot);
  const ending = endingRecord({ deployment, sequence, release: release?.name }, why);
  const { state, reason } = ending;
  const transitions = new Map(slots.map((one) => [one, crashBack(ending, one === slot)]));
  await transit(context, deployment, transitions, {
    ...{ deployment, state, code: why.code },
    ...causedBy(release?.index),
  });
  // From here on it is so, after the next start of the host at the latest.
  for (const [one, module] of modules) {
    await putBack(context, one, module, untried).catch((thrown: unknown) => {
      const why = asIotError(thrown).message;
      context.log.error(`gets its module before at the next start: ${why}`, { actor: one });
    });
  }
  const component = release?.name ?? slot;
  tellEnd(context, slots, { component, deployment, sequence, state, reason });
  return true;
}

/**
 * An update may have put its module on trial since the record was written: how that ends is waited for, and what was
 * kept by it stays.
 */
async function putBack(
  context: Context,
  slot: string,
  module: CheckedModule,
  untried: (slot: string) => Promise<boolean>,
): Promise<void> {
  while (recordOf(context, slot).active?.digest === module.digest) {
    try {
      await context.target.fallBack(slot, module);
      return;
    } catch (thrown) {
      if (asIotError(thrown).code !== 'E_BUSY' || !(await untried(slot))) throw thrown;
    }
  }
}

/** What ran before in each of the slots; `undefined` unless all of it may and can run again. */
async function before(
  context: Context,
  slots: readonly string[],
): Promise<ReadonlyMap<string, CheckedModule> | undefined> {
  const modules = new Map<string, CheckedModule>();
  for (const slot of slots) {
    const record = recordOf(context, slot);
    if (record.previous === undefined || !mayFallBack(record)) return undefined;
    const bytes = await context.blobs.read(record.previous.digest);
    if (bytes === undefined) return undefined;
    modules.set(slot, moduleOf(record.previous, bytes));
  }
  return modules;
}
