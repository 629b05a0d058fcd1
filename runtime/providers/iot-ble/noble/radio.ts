import { asIotError, IotError } from '../../../base/errors.js';
import type { Logger } from '../../../base/logger.js';
import { shortUuid } from '../names.js';
import type { Advert, Place, Radio, RadioEvents, ServiceInfo } from '../radio.js';
import { accepted } from './accept.js';
import { adapterProblem, closeAdapter, disconnectReason, type Opened, openAdapter } from './adapter.js';
import type { Noble, NoblePeripheral } from './api.js';
import { Connection } from './connection.js';
import { unavailable } from './load.js';
import { Scanner } from './scanner.js';
import { forgetStranger, guardAgainstStrangers } from './strangers.js';

/** A peripheral heard so long ago is likely still there, in milliseconds. */
const FRESH_MS = 2_000;
/** A connection that fails to come about (HCI reason 0x3e) is an everyday thing: one packet that was not heard. */
const MAX_ATTEMPTS = 3;
/** An adapter that has said nothing yet is in trouble after so long. */
const QUIET_MS = 5_000;
/** Peripherals that are remembered; most are strangers walking by. */
const MAX_HEARD = 1024;
/** Services of one peripheral, after which its list is begun anew: the packages add up all that it ever named. */
const MAX_SERVICES = 64;

interface Heard {
  readonly peripheral: NoblePeripheral;
  readonly at: number;
}

/** The radio over what @abandonware/noble and @stoprocent/noble have in common. */
export class NobleRadio implements Radio {
  #opened: Opened | undefined;
  #scanner: Scanner | undefined;
  #events: RadioEvents | undefined;
  #state = 'unknown';
  #startedAt = 0;
  #quiet: NodeJS.Timeout | undefined;
  #told = '';
  readonly #heard = new Map<string, Heard>();
  /** Called for each advertisement and each change of the adapter. */
  readonly #waiting = new Set<() => void>();
  readonly #connections = new Map<string, Connection>();
  /** One connection is made at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #stopped = new AbortController();

  constructor(
    private readonly packageName: string,
    private readonly adapter: string,
    private readonly open: () => Noble,
    private readonly logger: Logger,
  ) {}

  async start(events: RadioEvents): Promise<void> {
    let opened: Opened;
    try {
      opened = openAdapter(this.open, !this.adapter.startsWith('/'));
    } catch (thrown) {
      throw thrown instanceof IotError ? thrown : unavailable(this.packageName, thrown);
    }
    const { noble } = opened;
    this.#opened = opened;
    this.#stopped = new AbortController();
    this.#events = events;
    this.#startedAt = performance.now();
    this.#scanner = new Scanner(noble);
    guardAgainstStrangers(noble, (text) => this.logger.debug(`${this.packageName}: ${text}`));
    noble.on('discover', (peripheral: NoblePeripheral) => this.#discovered(peripheral));
    noble.on('warning', (text: string) => this.logger.debug(`${this.packageName}: ${text}`));
    noble.on('stateChange', (state: string) => this.#changed(state));
    this.#changed(noble.state);
    // An adapter that stays as it is has no change to tell: off, or silent.
    this.#quiet = setTimeout(() => this.#changed(this.#state), QUIET_MS);
  }

  async stop(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    clearTimeout(this.#quiet);
    const still = this.#scanner?.close();
    this.#stopped.abort(new IotError('E_PROVIDER', 'no connection: the adapter is let go of'));
    // A connection that comes about now would outlive the adapter here: nobody would end it.
    await this.#turn;
    const all = [...this.#connections.keys()].map((id) =>
      this.disconnect(id).catch((thrown: unknown) => {
        this.logger.warn(`peripheral ${id} was not disconnected: ${asIotError(thrown).message}`);
      }),
    );
    await Promise.all(all);
    await still;
    closeAdapter(opened);
    this.#opened = undefined;
    this.#events = undefined;
    this.#heard.clear();
    this.#state = 'unknown';
  }

  problem(): string | undefined {
    return adapterProblem(this.adapter, this.#state, performance.now() - this.#startedAt < QUIET_MS);
  }

  scan(wish: { readonly duplicates: boolean } | undefined): void {
    this.#scanner?.scan(wish);
  }

  async connect(id: string, wanted: AbortSignal): Promise<void> {
    if (this.#connections.has(id)) return;
    const signal = AbortSignal.any([wanted, this.#stopped.signal]);
    for (let attempt = 1; ; attempt++) {
      const end = this.#scanner?.search();
      try {
        await this.#until(() => this.#isFresh(id), signal);
      } finally {
        end?.();
      }
      const mine = this.#turn.then(() => this.#connect(id, signal));
      this.#turn = mine.catch(() => {});
      try {
        return await mine;
      } catch (thrown) {
        if (attempt === MAX_ATTEMPTS || signal.aborted) throw thrown;
        this.logger.debug(`peripheral ${id}, attempt ${attempt}: ${asIotError(thrown).message}`);
        // It has to be heard anew: what was heard before may have been its last word.
        this.#heard.delete(id);
      }
    }
  }

  async disconnect(id: string): Promise<void> {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#connections.delete(id);
    await connection.close();
    // It may take its time until it accepts another one: it advertises then.
    this.#heard.delete(id);
  }

  async discover(id: string): Promise<ServiceInfo[]> {
    return this.#connection(id).discover();
  }

  async read(id: string, at: Place): Promise<Uint8Array> {
    return this.#connection(id).read(at);
  }

  async write(id: string, at: Place, value: Uint8Array, withoutResponse: boolean): Promise<void> {
    await this.#connection(id).write(at, value, withoutResponse);
  }

  async subscribe(id: string, at: Place): Promise<void> {
    await this.#connection(id).subscribe(at, (value) => this.#events?.notification(id, at, value));
  }

  async unsubscribe(id: string, at: Place): Promise<void> {
    await this.#connection(id).unsubscribe(at);
  }

  async #connect(id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const peripheral = this.#heard.get(id)?.peripheral;
    if (peripheral === undefined) throw new IotError('E_PROVIDER', 'it has gone again');
    // Left over from an attempt that was given up and succeeded all the same.
    if (peripheral.state === 'connected') await new Connection(peripheral).close();
    const resume = await this.#scanner?.pause();
    try {
      await accepted(peripheral, signal);
    } finally {
      resume?.();
    }
    const connection = new Connection(peripheral);
    this.#connections.set(id, connection);
    peripheral.once('disconnect', (reason: unknown) => this.#lost(id, connection, disconnectReason(reason)));
  }

  #lost(id: string, connection: Connection, reason: string): void {
    if (this.#connections.get(id) !== connection) return;
    this.#connections.delete(id);
    // What was heard before is no sign of life.
    this.#heard.delete(id);
    this.#events?.lost(id, reason);
  }

  #discovered(peripheral: NoblePeripheral): void {
    this.#heard.delete(peripheral.id);
    this.#heard.set(peripheral.id, { peripheral, at: performance.now() });
    const [oldest] = this.#heard.values();
    if (this.#heard.size > MAX_HEARD && oldest !== undefined) this.#forget(oldest.peripheral);
    this.#events?.advert(advertOf(peripheral));
    const { serviceUuids, serviceData } = peripheral.advertisement;
    if ((serviceUuids?.length ?? 0) + (serviceData?.length ?? 0) > MAX_SERVICES) this.#forget(peripheral);
    this.#wake();
  }

  #forget({ id, address }: NoblePeripheral): void {
    this.#heard.delete(id);
    const noble = this.#opened?.noble;
    if (noble !== undefined && !this.#connections.has(id)) forgetStranger(noble, id, address);
  }

  #isFresh(id: string): boolean {
    const heard = this.#heard.get(id);
    return heard !== undefined && performance.now() - heard.at < FRESH_MS && this.#state === 'poweredOn';
  }

  #changed(state: string): void {
    const isReady = state === 'poweredOn' && this.#state !== 'poweredOn';
    this.#state = state;
    this.#scanner?.power(state === 'poweredOn');
    if (state !== 'poweredOn') {
      for (const [id, connection] of [...this.#connections]) this.#lost(id, connection, 'the adapter is off');
    }
    const problem = this.problem();
    if (problem !== undefined && problem !== this.#told) this.logger.warn(problem);
    this.#told = problem ?? '';
    this.#wake();
    if (isReady) this.#events?.ready();
  }

  async #until(check: () => boolean, signal: AbortSignal): Promise<void> {
    while (!check()) {
      const problem = this.problem();
      if (problem !== undefined) throw new IotError('E_UNAVAILABLE', problem);
      await new Promise<void>((resolve, reject) => {
        const abort = () => reject(signal.reason);
        this.#waiting.add(() => {
          signal.removeEventListener('abort', abort);
          resolve();
        });
        signal.addEventListener('abort', abort, { once: true });
        if (signal.aborted) abort();
      });
    }
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #connection(id: string): Connection {
    const connection = this.#connections.get(id);
    if (connection !== undefined) return connection;
    throw new IotError('E_PROVIDER', 'it is not connected');
  }
}

function advertOf({ id, address, rssi, advertisement }: NoblePeripheral): Advert {
  const { localName, manufacturerData, serviceData, serviceUuids } = advertisement;
  return {
    ...{ id, address: address.toLowerCase(), rssi, name: localName },
    manufacturerData: manufacturerData && Uint8Array.from(manufacturerData),
    serviceData: (serviceData ?? []).map(({ uuid, data }) => ({
      uuid: shortUuid(uuid),
      data: Uint8Array.from(data),
    })),
    services: (serviceUuids ?? []).map(shortUuid),
  };
}
