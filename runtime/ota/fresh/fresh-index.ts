import { asIotError, IotError } from '../../base/errors.js';
import { KIB } from '../../base/limits.js';
import type { Logger } from '../../base/logger.js';
import { equalBytes } from '../../trust/cbor/bytes.js';
import type { TrustDocument } from '../../trust/document/document.js';
import { type FreshUntil, verifyFreshUntil } from '../../trust/fresh/fresh-until.js';
import { type Freshness, freshness, freshnessText } from '../../trust/fresh/freshness.js';
import type { Clock } from '../clock.js';
import { sha256Hex } from '../storage/blobs.js';
import type { Store } from '../storage/store.js';
import type { Now, Time } from '../time.js';

/** A larger index is held in memory only: the record has to have room for what updates need. */
export const MAX_STORED_BYTES = 2 * KIB;
/** An index that came with a connection may come before the deployments it speaks of. */
const SETTLE_MS = 10_000;
/** How often it is looked whether it is stale by now. */
const LOOK_MS = 60_000;
/** How far the clocks of device and operator may be apart, in seconds. */
const LEEWAY_SECONDS = 86_400;

/** How a device stands to what its fleet last told it, and until when that says anything (Unix seconds). */
export type FreshnessStatus = Freshness & { readonly until: number };

export interface FreshOptions {
  readonly device: string;
  readonly store: Store;
  readonly time: Time;
  readonly clock: Clock;
  readonly log: Logger;
  /** The document in force, expired or not: what is shown stops nothing. */
  readonly trust: () => TrustDocument | undefined;
  /** Highest sequence number that the device has taken up for a slot, or its floor. */
  readonly seen: (component: string) => number;
}

/**
 * The newest freshness index that this device was told. It is for people: a stale one is shown and logged, and neither
 * stops an actor nor keeps the device from being ready.
 */
export class FreshIndex {
  private held: { readonly bytes: Uint8Array; readonly statement: FreshUntil } | undefined;
  /** The document that `held` was verified by. */
  private by: TrustDocument | undefined;
  /** SHA-256 of the last message that was refused: a retained one comes with every connection. */
  private refused = '';
  private told: Freshness['state'] = 'fresh';
  private cancel = () => {};
  private stopped = false;

  constructor(private readonly options: FreshOptions) {}

  /** Takes up what the record holds; record and trust document must have been read. */
  open(): void {
    const bytes = this.options.store.current.fresh;
    if (bytes === undefined) return;
    this.hold(bytes);
    this.lookIn(SETTLE_MS);
  }

  stop(): void {
    this.stopped = true;
    this.cancel();
  }

  /**
   * A message of `ota/fresh`. One that is empty or not newer changes nothing: whoever has the broker cannot take the
   * last one away. Never rejects.
   */
  async receive(bytes: Uint8Array): Promise<void> {
    const trust = this.options.trust();
    if (bytes.length === 0 || trust === undefined || this.stopped) return;
    this.recheck(trust);
    if (this.held !== undefined && equalBytes(bytes, this.held.bytes)) return;
    try {
      const statement = verifyFreshUntil(bytes, trust, this.options.device);
      requirePast(statement, this.options.time.now());
      if (this.held !== undefined && statement.issued <= this.held.statement.issued) return;
      this.held = { bytes, statement };
      this.by = trust;
    } catch (thrown) {
      this.refuse(bytes, asIotError(thrown).message);
      return;
    }
    this.lookIn(SETTLE_MS);
    await this.keep(bytes, this.held.statement.issued);
  }

  /** `undefined` while no index was heard that the trust document in force believes. */
  status(): FreshnessStatus | undefined {
    const trust = this.options.trust();
    if (trust !== undefined) this.recheck(trust);
    if (this.held === undefined) return undefined;
    const { time, seen } = this.options;
    const { statement } = this.held;
    return { ...freshness(statement, time.now().seconds, seen), until: statement.until };
  }

  /** A key that was revoked says nothing any more: neither that all is well nor what is the newest. */
  private recheck(trust: TrustDocument): void {
    if (this.held === undefined || trust === this.by) return;
    this.hold(this.held.bytes);
  }

  private hold(bytes: Uint8Array): void {
    const trust = this.options.trust();
    this.held = undefined;
    if (trust === undefined) return;
    try {
      this.held = { bytes, statement: verifyFreshUntil(bytes, trust, this.options.device) };
      this.by = trust;
    } catch (thrown) {
      this.options.log.info(`the freshness index counts no more: ${asIotError(thrown).message}`);
    }
  }

  private refuse(bytes: Uint8Array, why: string): void {
    const message = sha256Hex(bytes);
    if (message === this.refused) return;
    this.refused = message;
    this.options.log.warn(`a freshness index is ignored: ${why}`);
  }

  private async keep(bytes: Uint8Array, issued: number): Promise<void> {
    const { store, time, log } = this.options;
    const fresh = bytes.length <= MAX_STORED_BYTES ? Uint8Array.from(bytes) : undefined;
    try {
      await store.change((state) => time.raiseTo({ ...state, fresh }, issued));
    } catch (thrown) {
      log.warn(`the freshness index is not stored: ${asIotError(thrown).message}`);
    }
  }

  private lookIn(ms: number): void {
    this.cancel();
    if (this.stopped) return;
    this.cancel = this.options.clock.after(ms, () => {
      this.tell();
      this.lookIn(LOOK_MS);
    });
  }

  /** One line for each change. */
  private tell(): void {
    const now = this.status();
    if (now === undefined || now.state === this.told) return;
    this.told = now.state;
    const { log } = this.options;
    if (now.state === 'fresh') log.info(`up to date with the fleet, ${freshnessText(now)}`);
    else log.warn(`this device is ${freshnessText(now)}`);
  }
}

/** A key that is online gets stolen, and a date far ahead would be in the way of all true ones. */
function requirePast({ issued }: FreshUntil, now: Now): void {
  if (!now.trusted || issued <= now.seconds + LEEWAY_SECONDS) return;
  throw new IotError('E_NOT_YET_VALID', 'it was signed at a time that is yet to come');
}
