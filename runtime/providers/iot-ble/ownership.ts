import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { sessionName } from '../../base/sessions.js';
import type { Holder } from './holder.js';
import { Link } from './link.js';
import type { Radio } from './radio.js';
import type { Timing } from './timing.js';

/** Peripherals that one binding may have at a time; no usual radio holds more connections. */
const MAX_PERIPHERALS = 16;

/** Who has which peripheral: one session at a time. */
export class Ownership {
  readonly #owners = new Map<string, Holder>();

  constructor(
    private readonly radio: Radio,
    private readonly timing: Timing,
    private readonly logger: Logger,
  ) {}

  of(id: string): Holder | undefined {
    return this.#owners.get(id);
  }

  /** Throws E_BUSY when another session has it, E_NOT_GRANTED when this one has too many. */
  claim(holder: Holder, id: string): Link {
    const owner = this.#owners.get(id);
    if (owner !== undefined) {
      const [who, whose] = [sessionName(holder.session), sessionName(owner.session)];
      throw new IotError('E_BUSY', `peripheral ${id} cannot go to ${who}: ${whose} holds it`, {
        hint: 'give it to one of the two bindings only, or let the other one Disconnect',
      });
    }
    if (holder.links.size >= MAX_PERIPHERALS) {
      throw new IotError(
        'E_NOT_GRANTED',
        `peripheral ${id}: ${sessionName(holder.session)} already has ${MAX_PERIPHERALS}`,
        { hint: 'Disconnect one of them' },
      );
    }
    const link = new Link(id, this.radio, this.timing, this.logger, (reason) => {
      this.logger.info(`peripheral ${id} of ${sessionName(holder.session)} is gone: ${reason}`);
      holder.outbox.disconnected({ id, reason });
    });
    holder.links.set(id, link);
    this.#owners.set(id, holder);
    return link;
  }

  /** Free for others only when its connection is over. */
  async release(link: Link): Promise<void> {
    await link.close();
    this.#owners.delete(link.id);
  }
}
