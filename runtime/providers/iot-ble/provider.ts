import type { Deliver, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { Registrations, SessionMap, sessionName } from '../../base/sessions.js';
import { type Ble, checkPeripheral, type Grant, type Scan } from './contract.js';
import { Link } from './link.js';
import { Outbox } from './outbox.js';
import type { Advert, Place, Radio, ServiceInfo } from './radio.js';
import { ActorScan, advertisement } from './scans.js';
import { parseState, type SessionState } from './state.js';
import { TIMING, type Timing } from './timing.js';

/** Peripherals that one binding may have at a time; no usual radio holds more connections. */
const MAX_PERIPHERALS = 16;
/** Names of peripherals heard that are remembered, for grants that go by name. */
const MAX_NAMES = 1024;
/** Key of the one scan among a session's registrations. */
const SCAN = '';

/** What one session holds. */
interface Holder {
  session: Session<Grant>;
  readonly outbox: Outbox;
  readonly links: Registrations<Link>;
  readonly scan: Registrations<ActorScan>;
}

/** The rules of `iot:ble` over any radio: who has which peripheral, who hears what, and that the lost come back. */
export class BleProvider implements Ble {
  readonly #holders = new SessionMap<Holder>();
  readonly #owners = new Map<string, Holder>();
  readonly #names = new Map<string, string>();
  /** State taken over for sessions that are not bound yet. */
  readonly #restored = new SessionMap<SessionState>();

  constructor(
    protected readonly radio: Radio,
    private readonly logger: Logger,
    private readonly timing: Timing = TIMING,
  ) {}

  async start(): Promise<void> {
    await this.radio.start({
      advert: (advert) => this.#heard(advert),
      lost: (id, reason) => this.#owners.get(id)?.links.get(id)?.lost(reason),
      notification: (id, at, value) =>
        this.#owners.get(id)?.outbox.notification({ id, ...at, value: Uint8Array.from(value) }),
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#holders.values().map((holder) => this.#free(holder)));
    this.#holders.clear();
    this.#restored.clear();
    await this.radio.stop();
  }

  async bind(session: Session<Grant>, deliver: Deliver): Promise<void> {
    const holder = this.#holders.get(session) ?? this.#newHolder(session, deliver);
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
    const links = holder.links.renew((_id, link) => this.#release(link));
    const scan = holder.scan.renew((_key, old) => this.#endScan(old));
    return async () => {
      await scan();
      await links();
      await Promise.all(subscriptions.map((drop) => drop()));
    };
  }

  scan(session: Session<Grant>, wish: Scan): void {
    this.#scan(this.#held(session), wish);
  }

  stopScan(session: Session<Grant>): void {
    const holder = this.#held(session);
    const scan = holder.scan.delete(SCAN);
    holder.outbox.forgetAdverts();
    if (scan !== undefined) this.#endScan(scan);
  }

  async connect(session: Session<Grant>, id: string): Promise<void> {
    const holder = this.#held(session);
    checkPeripheral(holder.session.grant, id, this.#names.get(id));
    const known = holder.links.get(id);
    if (known !== undefined) {
      holder.links.set(id, known);
      await known.reconnect();
      return;
    }
    const link = this.#claim(holder, id);
    try {
      await link.connect();
    } catch (thrown) {
      if (holder.links.get(id) === link) holder.links.delete(id);
      await this.#release(link);
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
    checkPeripheral(holder.session.grant, id, this.#names.get(id));
    const link = holder.links.get(id);
    if (link?.subscriptions.delete(keyOf(at)) !== undefined) await this.#unsubscribe(link, at);
  }

  async disconnect(session: Session<Grant>, id: string): Promise<void> {
    const holder = this.#held(session);
    const link = holder.links.delete(id);
    if (link === undefined) checkPeripheral(holder.session.grant, id, this.#names.get(id));
    else await this.#release(link);
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

  #newHolder(session: Session<Grant>, deliver: Deliver): Holder {
    const who = sessionName(session);
    const outbox = new Outbox(deliver, this.timing.clock, {
      dropped: (notifications, adverts) =>
        this.logger.warn(
          `${who} cannot keep up: ${notifications} notifications and advertisements of ${adverts} peripherals dropped`,
        ),
      failed: (operation, why) => this.logger.debug(`${operation} for ${who}: ${why}`),
    });
    return { session, outbox, links: new Registrations<Link>(), scan: new Registrations<ActorScan>() };
  }

  #heard(advert: Advert): void {
    if (advert.name !== undefined && advert.name !== '') this.#remember(advert.id, advert.name);
    for (const { session, scan, outbox } of this.#holders.values()) {
      if (scan.get(SCAN)?.lets(advert, session.grant.services) === true) outbox.advert(advertisement(advert));
    }
  }

  #remember(id: string, name: string): void {
    this.#names.delete(id);
    this.#names.set(id, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > MAX_NAMES && oldest !== undefined) this.#names.delete(oldest);
  }

  #scan(holder: Holder, wish: Scan): void {
    holder.scan.delete(SCAN)?.end();
    const scan = new ActorScan(wish, this.timing.clock, () => {
      if (holder.scan.get(SCAN) === scan) holder.scan.delete(SCAN);
      this.#endScan(scan);
    });
    holder.scan.set(SCAN, scan);
    this.#tune();
  }

  #endScan(scan: ActorScan): void {
    scan.end();
    // The others go on as they are; only the last one switches it off.
    if (this.#scans().length === 0) this.#tune();
  }

  #scans(): ActorScan[] {
    return this.#holders.values().flatMap(({ scan }) => scan.entries().map(([, one]) => one));
  }

  #tune(): void {
    const scans = this.#scans();
    const duplicates = scans.some(({ wish }) => wish.duplicates);
    this.radio.scan(scans.length === 0 ? undefined : { duplicates });
  }

  #claim(holder: Holder, id: string): Link {
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

  async #release(link: Link): Promise<void> {
    await link.close();
    this.#owners.delete(link.id);
  }

  async #unsubscribe(link: Link, at: Place): Promise<void> {
    if (!link.connected) return;
    await link.run(`Unsubscribe ${at.characteristic}`, () => this.radio.unsubscribe(link.id, at));
  }

  async #dropUngranted({ session: { grant }, links, scan }: Holder): Promise<void> {
    for (const [id, link] of links.entries()) {
      try {
        checkPeripheral(grant, id, this.#names.get(id));
      } catch {
        links.delete(id);
        await this.#release(link);
      }
    }
    const ended = grant.scan ? undefined : scan.delete(SCAN);
    if (ended !== undefined) this.#endScan(ended);
  }

  async #free({ links, scan, outbox }: Holder): Promise<void> {
    outbox.close();
    const ended = scan.delete(SCAN);
    if (ended !== undefined) this.#endScan(ended);
    await Promise.all(
      links.entries().map(([id, link]) => {
        links.delete(id);
        return this.#release(link);
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
    checkPeripheral(holder.session.grant, id, this.#names.get(id));
    throw new IotError('E_PROVIDER', `peripheral ${id} is not connected`, { hint: 'Connect comes first' });
  }

  #export({ session: { actor, binding }, links, scan }: Holder): SessionState {
    const running = scan.get(SCAN);
    return {
      ...{ actor, binding },
      scan: running && { ...running.wish, durationMs: running.left() },
      peripherals: links.entries().map(([id, link]) => ({
        ...{ id, name: this.#names.get(id) },
        subscriptions: link.subscriptions.entries().map(([, at]) => at),
      })),
    };
  }

  #restore(holder: Holder, { scan, peripherals }: SessionState): void {
    for (const { id, name, subscriptions } of peripherals) {
      if (name !== undefined) this.#remember(id, name);
      if (holder.links.get(id) !== undefined || this.#owners.has(id)) continue;
      try {
        checkPeripheral(holder.session.grant, id, name);
      } catch {
        continue;
      }
      const link = this.#claim(holder, id);
      for (const at of subscriptions) link.subscriptions.set(keyOf(at), at);
      link.resume();
    }
    if (scan !== undefined && holder.session.grant.scan) this.#scan(holder, scan);
  }
}

function keyOf({ service, characteristic }: Place): string {
  return `${service}/${characteristic}`;
}
