import { asIotError, IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { MAX_TRUST_DOCUMENTS } from '../../control/protocol/arguments.js';
import type { TrustDocument } from '../../trust/document/document.js';
import { acceptNext, readTrustDocument } from '../../trust/document/signed.js';
import type { Store } from '../storage/store.js';
import type { Now } from '../time.js';
import { adopt, documentDigest, newResets, requireHost } from './adopt.js';
import type { TrustFiles } from './files.js';

export interface TrustOptions {
  readonly store: Store;
  readonly files: TrustFiles;
  readonly log: Logger;
  /** Version of this host. */
  readonly host: string;
  /**
   * The document that whoever owns this machine has put on it, whenever it is another one than at the last call;
   * `undefined` otherwise. The only way in for the first document.
   */
  readonly given: () => Uint8Array | undefined;
  readonly now: () => Now;
  /** After the document in force has changed; `resets`: slots that start anew with it. */
  readonly changed: (document: TrustDocument, resets: readonly string[]) => Promise<void>;
}

/**
 * What this device trusts: the newest document that its owner put on it or that followed from that one. On disk it is
 * `trust/<N>`, with the one before it beside, and its number and digest are in the update record.
 */
export class TrustStore {
  private document: TrustDocument | undefined;
  /** Why what is in force only stands in for a newer one. */
  private damage: string | undefined;
  private tail: Promise<void> = Promise.resolve();

  constructor(private readonly options: TrustOptions) {}

  /** Reads the disk; the record must have been read. Rejects only when the folder cannot be made. */
  async open(): Promise<void> {
    const { trustN, trustDigest } = this.options.store.current;
    if (trustN > 0) {
      this.document = await this.stored(trustN, trustDigest);
      if (this.document === undefined) {
        this.damage = `trust document ${trustN} on this device is damaged`;
        this.document = await this.stored(trustN - 1);
        this.options.log.error(this.damage);
      }
    }
    this.look();
    await this.settled();
  }

  /** The document in force, expired or not; `undefined` while the device trusts nobody. */
  current(): TrustDocument | undefined {
    this.look();
    return this.document;
  }

  /**
   * The document by which something new may be done. Throws E_EXPIRED when it has certainly expired and E_NO_TRUST
   * when it only stands in for a damaged newer one, which may have revoked the very keys that this one names.
   */
  inForce(now: Now = this.options.now()): TrustDocument | undefined {
    const document = this.current();
    const problem = this.trouble(now);
    if (problem !== undefined) throw problem;
    return document;
  }

  /** For `/readyz`: why nothing new may be done. */
  problem(): string | undefined {
    return this.trouble(this.options.now())?.message;
  }

  /**
   * Takes documents that came over the network, oldest first: each must be the successor of the one in force, signed by
   * the root keys of both, and is on the disk before the next one is looked at. Those from before the one in force are
   * passed over when newer ones follow. Resolves with the version then in force. Rejects with E_NO_TRUST without a
   * first document, E_OLDER, E_EQUIVOCATION, E_UNTRUSTED, E_SIGNATURE, E_HOST_TOO_OLD, E_NO_SPACE, and what broken
   * documents are refused with; what was accepted before the refused one stays.
   */
  update(documents: readonly Uint8Array[]): Promise<number> {
    const done = this.tail.then(async () => {
      if (documents.length > MAX_TRUST_DOCUMENTS) {
        throw new IotError(
          'E_TOO_LARGE',
          `${documents.length} documents, over ${MAX_TRUST_DOCUMENTS} at once`,
        );
      }
      for (const [index, bytes] of documents.entries()) {
        await this.follow(bytes, index === documents.length - 1);
      }
      return this.document?.version ?? 0;
    });
    this.tail = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /** Resolves when everything known so far is on the disk. */
  async settled(): Promise<void> {
    await this.tail;
  }

  private async follow(bytes: Uint8Array, last: boolean): Promise<void> {
    const { document: before, options } = this;
    if (before === undefined) {
      throw new IotError('E_NO_TRUST', 'the first trust document does not come over the network', {
        hint: 'iot-host keys trust, on the device',
      });
    }
    const { version } = readTrustDocument(bytes);
    if (version < before.version && !last) return;
    if (version === before.version && this.same(readTrustDocument(bytes))) return;
    const next = acceptNext(before, bytes);
    this.refuseRival(next);
    requireHost(next, options.host);
    await this.keep(next, bytes, before);
    this.use(next);
    await options.changed(next, [...newResets(next, before).keys()]);
  }

  /** The local file, when it is another one than before: its owner's word, but a number never goes down. */
  private look(): void {
    const bytes = this.options.given();
    if (bytes === undefined) return;
    try {
      this.take(readTrustDocument(bytes), bytes);
    } catch (thrown) {
      this.options.log.error(
        `the trust document given on this device is not used: ${asIotError(thrown).message}`,
      );
    }
  }

  private take(given: TrustDocument, bytes: Uint8Array): void {
    const { document: before, damage } = this;
    const newest = Math.max(this.options.store.current.trustN, before?.version ?? 0);
    requireHost(given, this.options.host);
    if (given.version === newest) {
      if (damage === undefined && this.same(given)) return;
      this.refuseRival(given);
    }
    if (given.version >= newest) {
      // It is on a disk already: it may be used before it is on ours.
      this.use(given);
      this.persist(given, bytes, before);
      return;
    }
    if (damage !== undefined && given.version > (before?.version ?? 0)) {
      this.document = given;
      return;
    }
    throw new IotError('E_OLDER', `its version is ${given.version}, and ${newest} has been in force`);
  }

  private use(document: TrustDocument): void {
    this.document = document;
    if (document.version >= this.options.store.current.trustN) this.damage = undefined;
  }

  private persist(document: TrustDocument, bytes: Uint8Array, before: TrustDocument | undefined): void {
    this.tail = this.tail.then(async () => {
      try {
        await this.keep(document, bytes, before);
      } catch (thrown) {
        this.options.log.error(
          `trust document ${document.version} is in force but not stored: ${asIotError(thrown).message}`,
        );
      }
      await this.options.changed(document, [...newResets(document, before).keys()]);
    });
  }

  /** The document first, then the record that names it: what the record names is always there. */
  private async keep(
    document: TrustDocument,
    bytes: Uint8Array,
    before: TrustDocument | undefined,
  ): Promise<void> {
    const { files, store, log } = this.options;
    await files.write(document.version, bytes);
    await store.change((state) => adopt(state, document, before));
    log.info(`trust document ${document.version} is in force`);
    await files.prune(document.version).catch((thrown: unknown) => {
      log.warn(`old trust documents were not removed: ${asIotError(thrown).message}`);
    });
  }

  /** Two documents under one number: one of them is not what it says. */
  private refuseRival(document: TrustDocument): void {
    const { trustN, trustDigest } = this.options.store.current;
    if (document.version !== trustN || documentDigest(document) === trustDigest) return;
    throw new IotError('E_EQUIVOCATION', `trust document ${trustN} was accepted with other content`);
  }

  private same(document: TrustDocument): boolean {
    return this.document !== undefined && documentDigest(this.document) === documentDigest(document);
  }

  private async stored(version: number, digest?: string): Promise<TrustDocument | undefined> {
    try {
      const bytes = await this.options.files.read(version);
      if (bytes === undefined) return undefined;
      const document = readTrustDocument(bytes);
      const right =
        document.version === version && (digest ?? documentDigest(document)) === documentDigest(document);
      if (right) return document;
      throw new IotError('E_DIGEST', 'it is another document');
    } catch (thrown) {
      this.options.log.error(`trust document ${version} on disk is not used: ${asIotError(thrown).message}`);
      return undefined;
    }
  }

  private trouble(now: Now): IotError | undefined {
    if (this.damage !== undefined) {
      const instead =
        this.document === undefined ? 'there is no other' : `${this.document.version} stands in for it`;
      return new IotError('E_NO_TRUST', `${this.damage}, ${instead}: nothing new is accepted`, {
        hint: 'put the newest document on the device again, or send it: iot-host keys trust --device',
      });
    }
    const { document } = this;
    if (document === undefined) return undefined;
    try {
      // The host may have been replaced by an older one.
      requireHost(document, this.options.host);
    } catch (thrown) {
      return asIotError(thrown);
    }
    if (document.expires === undefined || now.seconds <= document.expires) return undefined;
    const when = new Date(document.expires * 1000).toISOString();
    return new IotError(
      'E_EXPIRED',
      `trust document ${document.version} expired at ${when}: nothing new is accepted`,
      {
        hint: 'sign the next version of it, and send it: iot-host keys trust --device',
      },
    );
  }
}
