import { MessageChannel, Worker } from 'node:worker_threads';
import { asIotError, IotError } from '../../base/errors.js';
import { type ActorLimits, START_DEADLINE_MS } from '../../base/limits.js';
import { letOthersRun } from '../../base/linux/turn.js';
import type { LogLevel } from '../../base/logger.js';
import type { HostCallCount } from '../counters.js';
import { type HostCallHandler, HostCalls } from './host-calls.js';
import {
  type CellBinding,
  type CellCall,
  type CellProvider,
  type CellResult,
  type CellStart,
  type EngineId,
  FINISHED,
  type FromCell,
  RUNNING,
  SHARED_BYTES,
  STOPPED,
  type ToCell,
} from './protocol.js';
import { Watchdog } from './watchdog.js';

/** How a call ended. `requeue`: it never began, so it may be offered to another engine without being done twice. */
export type Outcome =
  | { readonly kind: 'reply'; readonly reply: Uint8Array; readonly fuel: number }
  | { readonly kind: 'error'; readonly error: IotError; readonly fatal: boolean }
  | { readonly kind: 'requeue' };

export interface CellHooks {
  log(actor: string, level: LogLevel, message: string): void;
  /** Host calls that were answered in the cell, since the last time. */
  hostCalls?(counts: readonly HostCallCount[]): void;
  /** The thread has ended, by itself or because it was stopped for a call that did not end. */
  ended(cell: Cell, why: IotError): void;
  /** Its last engine has gone. */
  emptied?(cell: Cell): void;
}

interface Sent {
  readonly deadlineMs: number;
  settle(outcome: Outcome): void;
}

interface Load {
  resolve(memoryPages: number): void;
  reject(error: IotError): void;
}

/** How long a thread that no guest holds may take to leave, in milliseconds. */
const LEAVE_MS = 5_000;
/** V8's stack for a cell in MiB: deep recursion of a guest must end in wasm3's own "stack overflow". */
const STACK_MIB = 16;

/**
 * The main thread's side of one worker thread. Messages to a busy one are batched, and a thread whose call does not
 * end is stopped from here: a guest cannot keep more than its own cell busy.
 */
export class Cell {
  readonly name: string;
  readonly #hooks: CellHooks;
  readonly #worker: Worker;
  readonly #hostCalls: HostCalls;
  readonly #watchdog: Watchdog;
  readonly #shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  readonly #sent = new Map<number, Sent>();
  readonly #loads = new Map<number, Load>();
  readonly #acks = new Map<number, { resolve(): void; reject(error: IotError): void }>();
  #batch: CellCall[] = [];
  #lastId = 0;
  #lastEngine = 0;
  #ended: IotError | undefined;
  #retired = false;
  /** Engines that live here: what placement goes by. */
  engines = 0;

  constructor(name: string, engine: WebAssembly.Module, hooks: CellHooks) {
    this.name = name;
    this.#hooks = hooks;
    const { port1, port2 } = new MessageChannel();
    this.#watchdog = new Watchdog(this.#shared, {
      owes: () => this.#sent.size > 0 || this.#loads.size > 0,
      allowed: (id) => this.#sent.get(id)?.deadlineMs ?? START_DEADLINE_MS,
      overdue: (allowedMs) => {
        const why = `did not end within its deadline of ${allowedMs} ms and was stopped`;
        this.#end(new IotError('E_DEADLINE', why));
        void this.#worker.terminate();
      },
    });
    this.#hostCalls = new HostCalls(this.#shared, port1, () => this.#watchdog.answered());
    const workerData: CellStart = {
      engine,
      shared: this.#shared.buffer as SharedArrayBuffer,
      replies: port2,
    };
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      name: `cell-${name}`,
      workerData,
      transferList: [port2],
      resourceLimits: { stackSizeMb: STACK_MIB },
    });
    this.#worker.on('message', (message: FromCell) => this.#receive(message));
    this.#worker.on('error', (error) => this.#end(asIotError(error, 'E_ENGINE')));
    this.#worker.on('exit', (code) =>
      this.#end(new IotError('E_ENGINE', `cell ${name} ended with code ${code}`)),
    );
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** Compiles and starts a module in an engine of its own that stands by. Rejects with the reason of refusal. */
  async load(
    actor: string,
    module: Uint8Array,
    limits: ActorLimits,
    hostCall: HostCallHandler,
  ): Promise<{ engine: EngineId; memoryPages: number }> {
    this.#lastEngine += 1;
    const engine = this.#lastEngine as EngineId;
    this.#hostCalls.add(engine, hostCall);
    const id = this.#nextId();
    this.engines += 1;
    try {
      const memoryPages = await new Promise<number>((resolve, reject) => {
        if (this.#ended !== undefined) return reject(this.#ended);
        this.#loads.set(id, { resolve, reject });
        this.#post({ type: 'load', id, engine, actor, module, limits });
        this.#watchdog.start();
      });
      return { engine, memoryPages };
    } catch (thrown) {
      this.#forget(engine);
      throw thrown;
    }
  }

  unload(engine: EngineId): void {
    this.#forget(engine);
    this.#post({ type: 'unload', engine });
  }

  /** `null` makes the engine stand by. Takes effect between the calls sent before and those sent after. */
  setBindings(engine: EngineId, bindings: readonly CellBinding[] | null): void {
    this.#flushCalls();
    this.#post({ type: 'bindings', engine, bindings });
  }

  /** Resolves when the cell has closed or opened its own part of the provider. */
  async setProvider(id: string, provider: CellProvider | null): Promise<void> {
    if (this.#ended !== undefined) return;
    const token = this.#nextId();
    await new Promise<void>((resolve, reject) => {
      this.#acks.set(token, { resolve, reject });
      this.#flushCalls();
      this.#post({ type: 'provider', id, provider, token });
    });
  }

  /** `settle` is called exactly once. */
  call(call: Omit<CellCall, 'id'>, deadlineMs: number, settle: (outcome: Outcome) => void): void {
    if (this.#ended !== undefined) {
      settle({ kind: 'requeue' });
      return;
    }
    const id = this.#nextId();
    const idle = this.#sent.size === 0;
    this.#sent.set(id, { deadlineMs, settle });
    this.#watchdog.start();
    // A thread that sleeps is woken at once; one that is busy gets the next batch whole.
    this.#batch.push({ ...call, id });
    if (idle) {
      this.#flushCalls();
      letOthersRun();
    } else if (this.#batch.length === 1) setImmediate(() => this.#flushCalls());
  }

  async stop(): Promise<void> {
    this.#end(new IotError('E_NOT_RUNNING', 'the host is stopping'));
    await this.#leave();
  }

  /** Ends it without a word: nothing is in it any more. */
  retire(): void {
    this.#retired = true;
    this.#end(new IotError('E_NOT_RUNNING', 'the cell is not needed any more'));
    void this.#leave();
  }

  /**
   * Lets the thread go between two messages: one that is stopped from outside while it loads a native module (lmdb)
   * takes the whole process with it. Only a thread that a guest holds is stopped so: it is loading nothing.
   */
  async #leave(): Promise<void> {
    if (Atomics.load(this.#shared, RUNNING) === 0) {
      const left = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
      this.#worker.postMessage({ type: 'leave' } satisfies ToCell);
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LEAVE_MS);
      });
      await Promise.race([left, patience]);
      clearTimeout(timer);
    }
    await this.#worker.terminate();
  }

  #forget(engine: EngineId): void {
    if (!this.#hostCalls.remove(engine)) return;
    this.engines -= 1;
    if (this.engines === 0 && this.#ended === undefined) this.#hooks.emptied?.(this);
  }

  #nextId(): number {
    this.#lastId = (this.#lastId % 0x7fffffff) + 1;
    return this.#lastId;
  }

  #post(message: ToCell): void {
    if (this.#ended === undefined) this.#worker.postMessage(message);
  }

  #flushCalls(): void {
    if (this.#batch.length === 0) return;
    const calls = this.#batch;
    this.#batch = [];
    this.#post({ type: 'calls', calls });
  }

  #receive(message: FromCell): void {
    if (this.#ended !== undefined) return;
    switch (message.type) {
      case 'results':
        if (message.hostCalls !== undefined) this.#hooks.hostCalls?.(message.hostCalls);
        for (const result of message.results) this.#settle(result);
        break;
      case 'loaded': {
        const load = this.#loads.get(message.id);
        this.#loads.delete(message.id);
        if (message.error === undefined) load?.resolve(message.memoryPages);
        else load?.reject(IotError.from(message.error));
        break;
      }
      case 'hostcall':
        this.#hostCalls.answer(message.call);
        break;
      case 'one-way':
        this.#hostCalls.perform(message.calls);
        break;
      case 'log':
        this.#hooks.log(message.actor, message.level, message.message);
        break;
      case 'ack': {
        const ack = this.#acks.get(message.token);
        this.#acks.delete(message.token);
        if (message.error === undefined) ack?.resolve();
        else ack?.reject(IotError.from(message.error));
        break;
      }
    }
  }

  #settle(result: CellResult): void {
    const sent = this.#sent.get(result.id);
    this.#sent.delete(result.id);
    if (sent === undefined) return;
    if (result.ok) sent.settle({ kind: 'reply', reply: result.reply, fuel: result.fuel });
    else if (!result.started) sent.settle({ kind: 'requeue' });
    else sent.settle({ kind: 'error', error: IotError.from(result.error), fatal: result.fatal });
  }

  /** Settles everything that was sent: what had begun has failed, what had not may be done elsewhere. */
  #end(why: IotError): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    // First of all: what is found not to have begun below must not begin any more.
    Atomics.store(this.#shared, STOPPED, 1);
    this.#watchdog.stop();
    this.#hostCalls.close();
    const running = Atomics.load(this.#shared, RUNNING);
    const finished = Atomics.load(this.#shared, FINISHED);
    for (const [id, load] of this.#loads)
      load.reject(id === running ? why : new IotError('E_NOT_RUNNING', 'the cell ended'));
    for (const ack of this.#acks.values()) ack.resolve();
    const sent = [...this.#sent];
    this.#loads.clear();
    this.#acks.clear();
    this.#sent.clear();
    if (!this.#retired) this.#hooks.ended(this, why);
    for (const [id, { settle }] of sent) {
      if (id === running) settle({ kind: 'error', error: why, fatal: true });
      else if (id <= finished)
        settle({
          kind: 'error',
          error: new IotError('E_DEADLINE', 'it was handled, but its reply was lost with its cell'),
          fatal: false,
        });
      else settle({ kind: 'requeue' });
    }
  }
}
