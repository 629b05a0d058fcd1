import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { asIotError, IotError } from '../../../base/errors.js';
import type { Logger } from '../../../base/logger.js';
import { delayOf } from '../../../base/retry.js';
import type { Place, Radio, RadioEvents, ServiceInfo } from '../radio.js';
import type { NobleRadio } from './radio.js';
import { openProblem } from './uart-port.js';

/** How often the port and the controller are looked after, in milliseconds. */
const LOOK_MS = 1_000;
/** Looks to wait before a port is opened anew that nobody answered on, or that somebody else has. */
const PAUSES: readonly number[] = [1, 2, 5, 10, 30, 60];
/** Looks to wait after the package was at fault: it may be installed or built meanwhile. */
const LONGEST_PAUSE = delayOf(PAUSES, PAUSES.length);
/** A controller that lasted so many looks is a good one. */
const STABLE_LOOKS = 10;

/**
 * The radio on a serial port: opened as soon as the port is there, and anew when it was unplugged or the controller
 * fell silent. What has to be on the way until then is remembered: the scan. Connections are lost, and told so.
 */
export class UartRadio implements Radio {
  #radio: NobleRadio | undefined;
  #events: RadioEvents | undefined;
  #wish: { readonly duplicates: boolean } | undefined;
  #trouble: string | undefined;
  #told = '';
  #path = '';
  /** Which device the radio is on: another one may come to the same path. */
  #device = '';
  readonly #connected = new Set<string>();
  #failures = 0;
  /** Before the next attempt. */
  #pause = 0;
  /** Of the radio, in looks. */
  #age = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(
    /** Throws E_CONFIG when there is no such port on this board. */
    private readonly locate: () => string,
    /** Makes the radio over a port; what the system says while the port is opened is told to `failed`. */
    private readonly make: (path: string, failed: (error: Error) => void) => NobleRadio,
    private readonly logger: Logger,
  ) {}

  async start(events: RadioEvents): Promise<void> {
    this.#path = this.locate();
    this.#events = events;
    await this.#look();
    this.#lookLater();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#events = undefined;
    await this.#looking;
    await this.#close();
  }

  problem(): string | undefined {
    return this.#trouble ?? this.#radio?.problem();
  }

  scan(wish: { readonly duplicates: boolean } | undefined): void {
    this.#wish = wish;
    this.#radio?.scan(wish);
  }

  async connect(id: string, signal: AbortSignal): Promise<void> {
    await this.#open().connect(id, signal);
    this.#connected.add(id);
  }

  async disconnect(id: string): Promise<void> {
    this.#connected.delete(id);
    await this.#radio?.disconnect(id);
  }

  async discover(id: string): Promise<ServiceInfo[]> {
    return this.#open().discover(id);
  }

  async read(id: string, at: Place): Promise<Uint8Array> {
    return this.#open().read(id, at);
  }

  async write(id: string, at: Place, value: Uint8Array, withoutResponse: boolean): Promise<void> {
    await this.#open().write(id, at, value, withoutResponse);
  }

  async subscribe(id: string, at: Place): Promise<void> {
    await this.#open().subscribe(id, at);
  }

  async unsubscribe(id: string, at: Place): Promise<void> {
    await this.#open().unsubscribe(id, at);
  }

  #open(): NobleRadio {
    if (this.#radio !== undefined && this.#trouble === undefined) return this.#radio;
    throw new IotError('E_UNAVAILABLE', this.#trouble ?? `${this.#path} is not open`);
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
        .catch((thrown: unknown) => this.#fail(thrown))
        .then(() => {
          if (this.#events !== undefined) this.#lookLater();
        });
    }, LOOK_MS);
  }

  /** Nobody waits for a later look: what is wrong with the package is trouble then, not the end of the process. */
  async #fail(thrown: unknown): Promise<void> {
    const { message, hint } = asIotError(thrown);
    this.#trouble = hint === undefined ? message : `${message}: ${hint}`;
    this.#pause = LONGEST_PAUSE;
    this.#tell();
    await this.#close();
  }

  async #look(): Promise<void> {
    const port = await deviceAt(this.#path);
    await this.#drop(port);
    const events = this.#events;
    if (events === undefined || this.#radio !== undefined) return;
    if ('refusal' in port) {
      this.#trouble = port.refusal;
      this.#pause = 0;
      this.#failures = 0;
    } else if (this.#pause > 0) {
      this.#pause -= 1;
    } else {
      await this.#begin(port.device, events);
    }
    this.#tell();
  }

  #tell(): void {
    if (this.#trouble !== undefined && this.#trouble !== this.#told) this.logger.warn(this.#trouble);
    this.#told = this.#trouble ?? '';
  }

  /**
   * A radio in trouble is closed; the trouble stays until there is another. A port that was pulled out is noticed here:
   * the package hears of it only when it writes.
   */
  async #drop(port: Port): Promise<void> {
    if (this.#radio === undefined) return;
    this.#age += 1;
    if (this.#age === STABLE_LOOKS) this.#failures = 0;
    const gone = 'refusal' in port ? port.refusal : undefined;
    const other =
      'device' in port && port.device !== this.#device ? `${this.#path} was replugged` : undefined;
    const problem = gone ?? other ?? this.problem();
    if (problem === undefined) return;
    this.#trouble = problem;
    for (const id of [...this.#connected]) this.#lost(id, 'the controller is gone');
    // On another device nobody has tried in vain.
    this.#pause = other === undefined ? delayOf(PAUSES, this.#failures) : 0;
    this.#failures = other === undefined ? this.#failures + 1 : 0;
    await this.#close();
  }

  /** Rejects when the package is at fault: that does not pass by itself. */
  async #begin(device: string, events: RadioEvents): Promise<void> {
    const radio = this.make(this.#path, (error) => {
      if (this.#radio === radio) this.#trouble = openProblem(this.#path, error);
    });
    this.#trouble = undefined;
    this.#age = 0;
    this.#device = device;
    // Before it is started: whatever it has opened when it fails is closed.
    this.#radio = radio;
    await radio.start({ ...events, lost: (id, reason) => this.#lost(id, reason) });
    radio.scan(this.#wish);
  }

  #lost(id: string, reason: string): void {
    if (this.#connected.delete(id)) this.#events?.lost(id, reason);
  }

  /** Never rejects: a radio that cannot be closed is left behind, and the port is opened anew all the same. */
  async #close(): Promise<void> {
    const radio = this.#radio;
    this.#radio = undefined;
    try {
      await radio?.stop();
    } catch (thrown) {
      this.logger.warn(`the radio at ${this.#path} was not closed: ${asIotError(thrown).message}`);
    }
  }
}

type Port = { readonly device: string } | { readonly refusal: string };

async function deviceAt(path: string): Promise<Port> {
  try {
    const { ino, rdev } = await stat(path);
    await access(path, constants.R_OK | constants.W_OK);
    return { device: `${rdev}:${ino}` };
  } catch (thrown) {
    return { refusal: openProblem(path, thrown as Error) };
  }
}
