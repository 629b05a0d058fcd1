import { join } from 'node:path';
import { asIotError, IotError } from '../base/errors.js';
import { MAX_MODULE_BYTES } from '../base/limits.js';
import type { Logger } from '../base/logger.js';
import { VERSION } from '../base/version.js';
import type { CheckedModule, UpdateTarget } from '../host/update.js';
import { signerFromSeed } from '../trust/cose/signer.js';
import type { TrustDocument } from '../trust/document/document.js';
import type { Checks } from './checks/checks.js';
import { type Clock, systemClock } from './clock.js';
import { FreshIndex, type FreshnessStatus } from './fresh/fresh-index.js';
import { Answers } from './machine/answers.js';
import { boot } from './machine/boot.js';
import { type Context, forAll, recordOf, transit, viewOf } from './machine/context.js';
import { fallBackFrom } from './machine/crash.js';
import { Inbox } from './machine/inbox.js';
import { Removals } from './machine/removals.js';
import { Reporter } from './machine/reporter.js';
import { Schedule } from './machine/schedule.js';
import { tellEnd } from './machine/tell.js';
import { forgetRefusal } from './machine/transitions.js';
import type { ModuleSource, StatusSink } from './ports.js';
import { Blobs } from './storage/blobs.js';
import type { FileSystem } from './storage/fs.js';
import { nodeFileSystem } from './storage/node-fs.js';
import { COMPONENT_NAME } from './storage/record.js';
import { StateFiles } from './storage/state-files.js';
import { Store } from './storage/store.js';
import { type Now, Time } from './time.js';
import { TrustFiles } from './trust/files.js';
import { TrustStore } from './trust/trust-store.js';

export interface UpdatesOptions {
  readonly device: string;
  /** Folder that belongs to updates alone, for example `<dataDir>/ota`. */
  readonly folder: string;
  /** Seed of the device's own Ed25519 key, 32 bytes: signs the reports. */
  readonly deviceSeed: Uint8Array;
  readonly checks: Checks;
  readonly target: UpdateTarget;
  readonly source: ModuleSource;
  readonly sink: StatusSink;
  readonly log: Logger;
  /** Default: this machine's. */
  readonly fs?: FileSystem;
  /** Default: this machine's, believed. */
  readonly clock?: Clock;
  /** The trust document that this machine's owner has put on it, whenever it has changed. Default: none. */
  readonly givenTrust?: () => Uint8Array | undefined;
  /** Called when the trust document has changed: retained messages are to come again, to be judged by the new one. */
  readonly onTrustChanged?: () => void;
  /** Version of this host; default: that of this package. */
  readonly hostVersion?: string;
  /** Whether the device has its broker: a module that takes it away is taken back. Default: not looked at. */
  readonly connected?: () => boolean;
  /** Least time on probation in milliseconds; default 5000. */
  readonly dwellMs?: number;
  /** A deployment must run by then, in milliseconds; default 600000. */
  readonly deadlineMs?: number;
  /** Default `MAX_MODULE_BYTES`. */
  readonly maxModuleBytes?: number;
}

const DEFAULT_DWELL_MS = 5_000;
const DEFAULT_DEADLINE_MS = 600_000;
/** How long `stop` waits for statuses to be taken. */
const FLUSH_MS = 2_000;

/**
 * The device's side of updates: takes desired deployments, and installs, tries and keeps or takes back modules.
 * Order: `start()`, start the actors with what `installed` says, `resume()`, then hand over desired messages.
 */
export class Updates {
  /** What this device trusts. */
  readonly trust: TrustStore;
  private readonly context: Context;
  private readonly trustFiles: TrustFiles;
  private readonly answers: Answers;
  private readonly schedule: Schedule;
  private readonly inbox: Inbox;
  private readonly fresh: FreshIndex;
  private booted: Awaited<ReturnType<typeof boot>> | undefined;
  /** What is desired of slots that are being emptied is looked at afterwards. */
  private readonly removals: Removals;
  private resumed = false;
  private stopped = false;

  /** Only assigns. Throws E_KEY when `deviceSeed` is not 32 bytes. */
  constructor(private readonly options: UpdatesOptions) {
    const { fs = nodeFileSystem, folder, log, sink, device, checks, target, source } = options;
    const maxBytes = options.maxModuleBytes ?? MAX_MODULE_BYTES;
    const store = new Store(new StateFiles(fs, folder, log));
    const clock = options.clock ?? systemClock();
    const time = new Time(store, clock);
    this.context = {
      ...{ fs, log, checks, target, source, store, clock, time },
      tmp: join(folder, 'tmp'),
      blobs: new Blobs(fs, join(folder, 'blobs'), maxBytes, log),
      reporter: new Reporter(store, sink, device, signerFromSeed(options.deviceSeed), log),
      connected: options.connected ?? (() => false),
      dwellMs: options.dwellMs ?? DEFAULT_DWELL_MS,
      deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS,
    };
    this.answers = new Answers(this.context);
    this.trustFiles = new TrustFiles(fs, join(folder, 'trust'));
    this.trust = new TrustStore({
      ...{ store, log, files: this.trustFiles },
      host: options.hostVersion ?? VERSION,
      given: options.givenTrust ?? (() => undefined),
      now: () => time.now(),
      changed: (document, resets) => this.trustReplaced(document, resets),
    });
    this.schedule = new Schedule(this.context, this.answers);
    this.inbox = new Inbox(this.context, this.answers, this.schedule);
    this.removals = new Removals(this.context, this.schedule, this.answers, (slot) =>
      this.ready().modules.delete(slot),
    );
    this.fresh = new FreshIndex({
      ...{ device, store, time, clock, log },
      trust: () => this.trust.current(),
      seen: (component) => this.seen(component),
    });
  }

  /** Reads the disk and decides what runs. Rejects with E_INTERNAL or E_NO_SPACE when it cannot be used. */
  async start(): Promise<void> {
    const { fs, tmp, blobs, store, time, log } = this.context;
    await fs.mkdir(tmp);
    await blobs.open();
    await this.trustFiles.open();
    await store.open();
    time.start();
    await this.trust.open();
    this.fresh.open();
    this.booted = await boot(store, blobs, (state) => time.raise(state));
    for (const line of this.booted.degraded) log.error(line);
  }

  /**
   * Goes on with what a power cut interrupted. Call it when the actors run: a module on probation is started
   * beside the one before it, as the first time. Does nothing the second time.
   */
  resume(): void {
    if (this.resumed || this.stopped) return;
    const { ended, resumed } = this.ready();
    this.resumed = true;
    // What could not be sent before the host went down.
    this.context.reporter.sendReports();
    for (const { component, slots, ending } of ended) {
      const { deployment, sequence, state, reason } = ending;
      tellEnd(this.context, slots, { component, deployment, sequence, state, reason });
    }
    for (const probation of resumed) this.schedule.resume(probation);
  }

  /** Stops at the next safe point and reports nothing; the next start goes on. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.fresh.stop();
    await this.schedule.stop();
    const { clock, reporter } = this.context;
    // A broker that is gone takes nothing: the last statuses are worth a moment, not more.
    let cancel = () => {};
    const enough = new Promise<void>((resolve) => {
      cancel = clock.after(FLUSH_MS, resolve);
    });
    await Promise.race([reporter.flushed(), enough]);
    cancel();
  }

  /** A message of `ota/desired/<component>`: an envelope, or empty to cancel. The same one may come again. */
  desired(component: string, envelope: Uint8Array): void {
    this.resume();
    if (this.stopped) return;
    if (!COMPONENT_NAME.test(component)) {
      this.context.log.warn('an update for a component with an impossible name is ignored');
      return;
    }
    const emptied = this.removals.over();
    if (emptied !== undefined) {
      void emptied.then(() => this.desired(component, envelope));
      return;
    }
    if (envelope.length > 0) this.inbox.desired(component, envelope);
    else void this.schedule.withdraw(component);
  }

  /**
   * Takes back what is being installed for a slot, or under the name of a release: modules on probation, too. The same
   * deployment is not run again. Resolves with whether there was anything to take back.
   */
  async abort(component: string): Promise<boolean> {
    this.resume();
    return !this.stopped && (await this.schedule.abort(component));
  }

  /** The pushed module that `start` found and verified for a slot: what its actor is to be started with. */
  installed(slot: string): CheckedModule | undefined {
    return this.ready().modules.get(slot);
  }

  /** Slots that `installed` knows. */
  get slots(): readonly string[] {
    return [...this.ready().modules.keys()];
  }

  /** Counts the starts of the host on this disk, from 1. */
  get session(): number {
    this.ready();
    return this.context.store.current.session;
  }

  /**
   * The host keeps the actor of a slot down, as the module with that digest had too many faults: the one before it
   * takes over, in a release those before the others too. Never rejects; resolves with whether that could be.
   */
  async crashed(slot: string, digest: string, error: IotError): Promise<boolean> {
    this.ready();
    await this.schedule.untried(slot);
    if (this.stopped) return false;
    try {
      const done = await fallBackFrom(this.context, slot, digest, error, (one) => this.schedule.untried(one));
      if (done) this.answers.forgetRefusals();
      return done;
    } catch (thrown) {
      this.context.log.error(`stays with module ${digest}: ${asIotError(thrown).message}`, { actor: slot });
      return false;
    }
  }

  /** There is a broker again: sends the reports that wait for one. */
  connected(): void {
    this.context.reporter.sendReports();
  }

  /** What time it is as far as this device can know. */
  now(): Now {
    return this.context.time.now();
  }

  /** A message of `ota/fresh`: what the fleet says is the newest for this device. Never rejects. */
  async freshUntil(index: Uint8Array): Promise<void> {
    this.ready();
    await this.fresh.receive(index);
  }

  /** How the device stands to what its fleet last told it; `undefined` while it was told nothing. */
  freshness(): FreshnessStatus | undefined {
    return this.fresh.status();
  }

  /** What came through to this device: committed, ended otherwise, or under way. */
  private seen(component: string): number {
    const { pending, ending } = recordOf(this.context, component);
    const { floor } = viewOf(this.context, component);
    const underWay = this.schedule.newest(component);
    return Math.max(floor, pending?.sequence ?? 0, ending?.sequence ?? 0, underWay);
  }

  /** A new deployment needs a larger sequence number. */
  floor(component: string): number {
    return viewOf(this.context, component).floor;
  }

  /** Sequence number of what is active in a slot. */
  sequence(slot: string): number | undefined {
    return recordOf(this.context, slot).active?.sequence;
  }

  /**
   * Empties a slot for good: the same deployment is older from now on. Rejects with E_BUSY during an update, and when
   * the record cannot be written.
   */
  async remove(slot: string): Promise<void> {
    this.resume();
    await this.removals.remove(slot);
  }

  /**
   * Forgets refusals: call it when the trust document has changed, then let the retained messages come again.
   * Rejects when the record cannot be written.
   */
  async trustChanged(): Promise<void> {
    this.answers.forgetRefusals();
    for (const [component, { ending }] of Object.entries(this.context.store.current.components)) {
      if (ending === undefined) continue;
      await transit(this.context, ending.deployment, forAll([component], forgetRefusal));
    }
  }

  private async trustReplaced(document: TrustDocument, resets: readonly string[]): Promise<void> {
    const reason = `trust document ${document.version} lets ${resets.join(', ')} start anew`;
    this.schedule.distrust(resets, new IotError('E_UNTRUSTED', reason));
    try {
      await this.trustChanged();
    } catch (thrown) {
      this.context.log.error(`refusals are not forgotten: ${asIotError(thrown).message}`);
    }
    this.options.onTrustChanged?.();
  }

  /** Resolves when no update runs and every status has been handed over. */
  async idle(): Promise<void> {
    await this.schedule.idle();
    await this.context.reporter.flushed();
  }

  private ready(): NonNullable<typeof this.booted> {
    if (this.booted === undefined) throw new Error('Updates: start() has not finished');
    return this.booted;
  }
}
