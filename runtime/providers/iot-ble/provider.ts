import type { Deliver, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { SessionMap, sessionName } from '../../base/sessions.js';
import { type Ble, checkPeripheral, type Grant, type Scan } from './contract.js';
import { HeardNames } from './heard-names.js';
import { type Holder, newHolder, SCAN } from './holder.js';
import type { Link } from './link.js';
import { Ownership } from './ownership.js';
import type { Place, Radio, ServiceInfo } from './radio.js';
import { Scanning } from './scanning.js';
import { parseState, type SessionState } from './state.js';
import { TIMING, type Timing } from './timing.js';

/** The rules of `iot:ble` over any radio: who has which peripheral, who hears what, and that the lost come back. */
export class BleProvider implements Ble {
  readonly #holders = new SessionMap<Holder>();
  readonly #names = new HeardNames();
  readonly #owners: Ownership;
  readonly #scanning: Scanning;
  /** State taken over for sessions that are not bound yet. */
  readonly #restored = new SessionMap<SessionState>();

  constructor(
    protected readonly radio: Radio,
    private readonly logger: Logger,
    private readonly timing: Timing = TIMING,
  ) {
    this.#owners = new Ownership(radio, timing, logger);
    this.#scanning = new Scanning(radio, timing.clock, () => this.#holders.values());
  }

  async start(): Promise<void> {
    await this.radio.start({
      advert: (advert) => {
        this.#names.remember(advert.id, advert.name);
        this.#scanning.heard(advert);
      },
      ready: () => {
        for (const { links } of this.#holders.values()) {
          for (const [, link] of links.entries()) link.retryNow();
        }
      },
      lost: (id, reason) => this.#owners.of(id)?.links.get(id)?.lost(reason),
      notification: (id, at, value) =>
        this.#owners.of(id)?.outbox.notification({ id, ...at, value: Uint8Array.from(value) }),
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#holders.values().map((holder) => this.#free(holder)));
    this.#holders.clear();
    this.#restored.clear();
    await this.radio.stop();
  }

  async bind(session: Session<Grant>, deliver: Deliver): Promise<void> {
    const holder = this.#holders.get(session) ?? newHolder(session, deliver, this.timing.clock, this.logger);
    holder.session = session;
    holder.outbox.redirect(deliver);
    this.#holders.set(session, holder);
    await this.#dropUngranted(holder);
    const restored = this.#restored.delete(session);
    if (restored !== undefined) this.#restore(holder, restored);
  }

  async unbind(session: Session<Grant>): Promise<void> {
    const holder = this.#holders.delete(session);
    this.#restored.delete(session);
    if (holder !== undefined) await this.#free(holder);
  }

  renew(session: Session<Grant>): () => Promise<void> {
    const holder = this.#holders.get(session);
    if (holder === undefined) return async () => {};
    const subscriptions = holder.links
      .entries()
      .map(([, link]) => link.subscriptions.renew((_key, at) => this.#unsubscribe(link, at)));
    const links = holder.links.renew((_id, link) => this.#owners.release(link));
    const scan = holder.scan.renew((_key, old) => this.#scanning.end(old));
    return async () => {
      await scan();
      await links();
      await Promise.all(subscriptions.map((drop) => drop()));
    };
  }

  scan(session: Session<Grant>, wish: Scan): void {
    this.#scanning.begin(this.#held(session), wish);
  }

  stopScan(session: Session<Grant>): void {
    const holder = this.#held(session);
    holder.outbox.forgetAdverts();
    this.#scanning.stop(holder);
  }

  async connect(session: Session<Grant>, id: string): Promise<void> {
    const holder = this.#held(session);
    checkPeripheral(holder.session.grant, id, this.#names.of(id));
    const known = holder.links.get(id);
    if (known !== undefined) {
      holder.links.set(id, known);
      await known.reconnect();
      return;
    }
    const link = this.#owners.claim(holder, id);
    try {
      await link.connect();
    } catch (thrown) {
      if (holder.links.get(id) === link) holder.links.delete(id);
      await this.#owners.release(link);
      throw thrown;
    }
  }

  discover(session: Session<Grant>, id: string): Promise<ServiceInfo[]> {
    return this.#link(session, id).run('Discover', () => this.radio.discover(id));
  }

  read(session: Session<Grant>, id: string, at: Place): Promise<Uint8Array> {
    return this.#link(session, id).run(`Read ${at.characteristic}`, () => this.radio.read(id, at));
  }

  write(session: Session<Grant>, id: string, at: Place, value: Uint8Array, noAnswer: boolean): Promise<void> {
    const link = this.#link(session, id);
    return link.run(`Write ${at.characteristic}`, () => this.radio.write(id, at, value, noAnswer));
  }

  async subscribe(session: Session<Grant>, id: string, at: Place): Promise<void> {
    const link = this.#link(session, id);
    const known = link.subscriptions.get(keyOf(at)) !== undefined;
    if (!known || !link.connected) {
      await link.run(`Subscribe ${at.characteristic}`, () => this.radio.subscribe(id, at));
    }
    link.subscriptions.set(keyOf(at), at);
  }

  async unsubscribe(session: Session<Grant>, id: string, at: Place): Promise<void> {
    const holder = this.#held(session);
    checkPeripheral(holder.session.grant, id, this.#names.of(id));
    const link = holder.links.get(id);
    if (link?.subscriptions.delete(keyOf(at)) !== undefined) await this.#unsubscribe(link, at);
  }

  async disconnect(session: Session<Grant>, id: string): Promise<void> {
    const holder = this.#held(session);
    const link = holder.links.delete(id);
    if (link === undefined) checkPeripheral(holder.session.grant, id, this.#names.of(id));
    else await this.#owners.release(link);
  }

  async exportState(): Promise<unknown> {
    return { sessions: this.#holders.values().map((holder) => this.#export(holder)) };
  }

  async importState(state: unknown): Promise<void> {
    for (const restored of parseState(state)) {
      const session = { actor: restored.actor, binding: restored.binding, grant: undefined };
      const holder = this.#holders.get(session);
      if (holder === undefined) this.#restored.set(session, restored);
      else this.#restore(holder, restored);
    }
  }

  /** The adapter. A peripheral that is away is no trouble of the device. */
  problem(): string | undefined {
    return this.radio.problem();
  }

  async #unsubscribe(link: Link, at: Place): Promise<void> {
    if (!link.connected) return;
    await link.run(`Unsubscribe ${at.characteristic}`, () => this.radio.unsubscribe(link.id, at));
  }

  async #dropUngranted(holder: Holder): Promise<void> {
    const { grant } = holder.session;
    for (const [id, link] of holder.links.entries()) {
      try {
        checkPeripheral(grant, id, this.#names.of(id));
      } catch {
        holder.links.delete(id);
        await this.#owners.release(link);
      }
    }
    if (!grant.scan) this.#scanning.stop(holder);
  }

  async #free(holder: Holder): Promise<void> {
    const { links, outbox } = holder;
    outbox.close();
    this.#scanning.stop(holder);
    await Promise.all(
      links.entries().map(([id, link]) => {
        links.delete(id);
        return this.#owners.release(link);
      }),
    );
  }

  #held(session: Session<Grant>): Holder {
    const holder = this.#holders.get(session);
    if (holder !== undefined) return holder;
    throw new IotError('E_NOT_BOUND', `${sessionName(session)} is not bound to iot:ble`);
  }

  #link(session: Session<Grant>, id: string): Link {
    const holder = this.#held(session);
    const link = holder.links.get(id);
    if (link !== undefined) return link;
    checkPeripheral(holder.session.grant, id, this.#names.of(id));
    throw new IotError('E_PROVIDER', `peripheral ${id} is not connected`, { hint: 'Connect comes first' });
  }

  #export({ session: { actor, binding }, links, scan }: Holder): SessionState {
    const running = scan.get(SCAN);
    return {
      ...{ actor, binding },
      scan: running && { ...running.wish, durationMs: running.left() },
      peripherals: links.entries().map(([id, link]) => ({
        ...{ id, name: this.#names.of(id) },
        subscriptions: link.subscriptions.entries().map(([, at]) => at),
      })),
    };
  }

  #restore(holder: Holder, { scan, peripherals }: SessionState): void {
    for (const { id, name, subscriptions } of peripherals) {
      this.#names.remember(id, name);
      if (holder.links.get(id) !== undefined || this.#owners.of(id) !== undefined) continue;
      try {
        checkPeripheral(holder.session.grant, id, name);
      } catch {
        continue;
      }
      const link = this.#owners.claim(holder, id);
      for (const at of subscriptions) link.subscriptions.set(keyOf(at), at);
      link.resume();
    }
    if (scan !== undefined && holder.session.grant.scan) this.#scanning.begin(holder, scan);
  }
}

function keyOf({ service, characteristic }: Place): string {
  return `${service}/${characteristic}`;
}
