import { asIotError, IotError } from '../../base/errors.js';
import { namedDigests } from '../storage/record.js';
import type { Answers } from './answers.js';
import { type Context, forAll, recordOf, transit } from './context.js';
import { endingRecord } from './endings.js';
import type { Schedule } from './schedule.js';
import { tell } from './tell.js';
import { clear, companions, withEnding } from './transitions.js';

/** Slots that are being emptied for good. */
export class Removals {
  private readonly underWay = new Map<string, Promise<unknown>>();

  /** `forget` is told of each slot whose record is empty, before its actor goes. */
  constructor(
    private readonly context: Context,
    private readonly schedule: Schedule,
    private readonly answers: Answers,
    private readonly forget: (slot: string) => void,
  ) {}

  /** Resolves when those under way are over; `undefined` when there are none. */
  over(): Promise<unknown> | undefined {
    return this.underWay.size === 0 ? undefined : Promise.all(this.underWay.values());
  }

  /**
   * Empties a slot: the same deployment is older from now on. Rejects with E_BUSY during an update, and when the record
   * cannot be written.
   */
  async remove(slot: string): Promise<void> {
    if (this.schedule.busy(slot) || this.underWay.has(slot)) {
      const hint = `wait for its outcome: iot-host ps`;
      throw new IotError('E_BUSY', `slot ${slot} is being updated`, { hint });
    }
    const removal = this.empty(slot);
    const over = removal.catch(() => undefined).finally(() => this.underWay.delete(slot));
    this.underWay.set(slot, over);
    await removal;
  }

  private async empty(slot: string): Promise<void> {
    const { active } = recordOf(this.context, slot);
    const why = new IotError('E_CANCELLED', 'the actor was removed');
    const release = active?.release?.name;
    const { current } = this.context.store;
    const last = release !== undefined && companions(current, slot).length === 0;
    const ending = active === undefined ? undefined : endingRecord({ ...active, release }, why);
    // The message of a release may be kept for its other actors: it is answered then, not judged as an older one.
    const transition = release === undefined || ending === undefined ? clear : withEnding(clear, ending);
    await transit(this.context, active?.deployment ?? '0'.repeat(64), forAll([slot], transition));
    this.forget(slot);
    this.answers.forgetRefusals();
    await this.context.target.clear(slot);
    if (active === undefined || ending === undefined) return;
    await this.sweep();
    // Whoever pushes next has to know the new floor.
    const { deployment, sequence, state, reason } = ending;
    const step = { component: slot, deployment, sequence, state, reason };
    this.context.reporter.status(step, recordOf(this.context, slot));
    if (last) tell(this.context, [slot], { ...step, component: release });
  }

  /** Frees the space of modules that nothing needs; a failure costs space only. */
  private async sweep(): Promise<void> {
    const { blobs, store, log } = this.context;
    const coming = this.schedule.digests();
    await blobs.sweep(new Set([...namedDigests(store.current), ...coming])).catch((thrown: unknown) => {
      log.warn(`old modules were not removed: ${asIotError(thrown).message}`);
    });
  }
}
