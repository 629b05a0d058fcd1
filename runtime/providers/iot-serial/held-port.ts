import type { Deliver } from '../../base/contract.js';
import { asIotError, IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { MAX_WRITE_BYTES, type PortGrant, type PortInfo } from './contract.js';
import { Delivery } from './delivery.js';
import type { OpenPort, SerialDriver } from './driver.js';
import type { Framed, Framer } from './framing/framer.js';
import { createFramer } from './framing/index.js';

/**
 * Milliseconds between looks for a port that is not there, so that it is back well within a second, and for one that
 * is: a port that is not read at the moment does not notice that it was unplugged.
 */
const LOOK_MS = 250;

/** Bytes that may wait for a port that does not take them, beside what the kernel holds. */
const MAX_WAITING_BYTES = 4 * MAX_WRITE_BYTES;

/** A port in the hands of one actor: open when it is there, looked for when it is not. */
export class HeldPort {
  private readonly framer: Framer;
  private readonly delivery: Delivery;
  private port: OpenPort | undefined;
  private path = '';
  private problemText: string | undefined;
  /** What was logged since it was open last. */
  private readonly said = new Set<string>();
  private looking: NodeJS.Timeout | undefined;
  private quiet: NodeJS.Timeout | undefined;
  private opening: Promise<void> = Promise.resolve();
  private released = false;
  /** The actor cannot keep up. */
  private held = false;
  private waitingBytes = 0;

  constructor(
    private readonly name: string,
    readonly settings: PortGrant,
    deliver: Deliver,
    private readonly driver: SerialDriver,
    private readonly logger: Logger,
  ) {
    this.framer = createFramer(settings);
    this.delivery = new Delivery(deliver, {
      full: () => {
        this.held = true;
        this.port?.pause();
      },
      roomy: () => {
        this.held = false;
        this.port?.resume();
      },
      failed: (operation, why) => logger.debug(`${operation} of port ${name}: ${why}`),
    });
  }

  redirect(deliver: Deliver): void {
    this.delivery.redirect(deliver);
  }

  /** Rejects only for what trying again cannot mend: E_CONFIG, E_UNAVAILABLE, E_BUSY. */
  async open(): Promise<void> {
    try {
      await this.tryOpen();
    } catch (thrown) {
      const error = asIotError(thrown, 'E_PROVIDER');
      if (error.code !== 'E_PROVIDER') throw error;
      this.notOpen(error.message);
    }
  }

  info(): PortInfo {
    return { name: this.name, path: this.path, open: this.port !== undefined };
  }

  problem(): string | undefined {
    return this.problemText;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const port = this.opened();
    if (this.waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      const why = `port ${this.name} does not take what is written: ${this.waitingBytes} bytes wait`;
      throw new IotError('E_QUEUE_FULL', why, { hint: 'see whether flow control holds it back' });
    }
    this.waitingBytes += bytes.length;
    try {
      await port.write(bytes);
    } finally {
      this.waitingBytes -= bytes.length;
    }
  }

  drain(): Promise<void> {
    return this.opened().drain();
  }

  async release(): Promise<void> {
    this.released = true;
    clearTimeout(this.looking);
    clearTimeout(this.quiet);
    this.delivery.close();
    await this.opening.catch(() => {});
    const { port } = this;
    this.port = undefined;
    await port?.close();
  }

  private opened(): OpenPort {
    if (this.port !== undefined) return this.port;
    throw new IotError(
      'E_PROVIDER',
      `port ${this.name} is not open: ${this.problemText ?? 'it is being opened'}`,
    );
  }

  private tryOpen(): Promise<void> {
    this.opening = this.openNow();
    return this.opening;
  }

  private async openNow(): Promise<void> {
    const path = await this.driver.locate(this.name);
    if (path === undefined) throw new IotError('E_PROVIDER', this.driver.missing(this.name));
    const port = await this.driver.open(path, this.settings, {
      data: (bytes) => this.receive(bytes),
      lost: (reason) => this.lost(reason),
    });
    if (this.released) {
      await port.close();
      return;
    }
    this.port = port;
    this.path = path;
    this.problemText = undefined;
    this.said.clear();
    this.framer.reset();
    this.delivery.push('Opened', { port: this.name });
    if (this.held) port.pause();
    this.looking = setTimeout(() => void this.lookAfter(port), LOOK_MS);
  }

  /** Whether it is still there. */
  private async lookAfter(port: OpenPort): Promise<void> {
    const path = await this.driver.locate(this.name);
    if (this.port !== port || this.released) return;
    if (path === this.path) {
      this.looking = setTimeout(() => void this.lookAfter(port), LOOK_MS);
      return;
    }
    this.lost('unplugged');
    await port.close();
  }

  private lost(reason: string): void {
    if (this.port === undefined || this.released) return;
    this.port = undefined;
    this.path = '';
    clearTimeout(this.quiet);
    clearTimeout(this.looking);
    this.logger.warn(`port ${this.name} is gone: ${reason}`);
    // That it is not there is no news then.
    this.said.add(this.driver.missing(this.name));
    this.delivery.push('Closed', { port: this.name, reason });
    this.lookLater(reason);
  }

  private notOpen(why: string): void {
    if (!this.said.has(why)) this.logger.warn(`port ${this.name} is not open, and is tried again: ${why}`);
    this.said.add(why);
    this.lookLater(why);
  }

  private lookLater(why: string): void {
    if (this.released) return;
    this.problemText = why;
    this.looking = setTimeout(() => {
      // A loose contact must not fill the queue of an actor that takes nothing.
      if (this.held) return this.lookLater(why);
      this.tryOpen().then(
        () => this.logger.info(`port ${this.name} is open`),
        (thrown: unknown) => this.notOpen(asIotError(thrown).message),
      );
    }, LOOK_MS);
  }

  private receive(bytes: Uint8Array): void {
    clearTimeout(this.quiet);
    this.tell(this.framer.push(bytes));
    const { quietMs } = this.framer;
    if (quietMs !== undefined) this.quiet = setTimeout(() => this.tell(this.framer.silence()), quietMs);
  }

  private tell({ frames, dropped }: Framed): void {
    if (dropped > 0) {
      const what = dropped === 1 ? '1 byte that is no frame was' : `${dropped} bytes that are no frame were`;
      this.logger.warn(`port ${this.name}: ${what} dropped`);
    }
    for (const data of frames) {
      // What was read is reused by the driver.
      this.delivery.push('Data', { port: this.name, data: Uint8Array.from(data), at: Date.now() });
    }
  }
}
