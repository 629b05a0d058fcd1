import { asIotError, IotError } from '../../base/errors.js';
import { type ActorLimits, START_FUEL } from '../../base/limits.js';
import type { Engine, Instance } from '../../engine/engine.js';
import { HostCallCounters } from '../counters.js';
import { monotonicMs } from '../monotonic.js';
import type { AwaitedCalls } from './awaited-call.js';
import type { CellProviders } from './cell-providers.js';
import type { LogLimit } from './log-limit.js';
import {
  type CellBinding,
  type CellCall,
  type CellResult,
  type EngineId,
  FINISHED,
  type FromCell,
  MAX_ONE_WAY_CALLS,
  type OneWayCall,
  RUNNING,
  STOPPED,
  type ToCell,
} from './protocol.js';

interface Loaded {
  readonly actor: string;
  readonly limits: ActorLimits;
  readonly instance: Instance;
  /** `null` while it stands by: no I/O before its `Start`. */
  bindings: readonly CellBinding[] | null;
  spent: boolean;
}

interface Parts {
  readonly engine: Engine;
  readonly shared: Int32Array;
  readonly providers: CellProviders;
  readonly awaited: AwaitedCalls;
  readonly logs: LogLimit;
  post(message: FromCell): void;
}

/**
 * Results and one-way host calls are handed over at the end of a batch, or earlier when the batch has taken this long
 * (milliseconds).
 */
const FLUSH_MS = 5;
const EMPTY = new Uint8Array(0);

/** The engines of one cell, and what runs in them: one call at a time, in the order in which they were sent. */
export class CellRuntime {
  readonly #parts: Parts;
  readonly #engines = new Map<EngineId, Loaded>();
  #results: CellResult[] = [];
  /** Whatever is answered here belongs to a contract that is bound. */
  readonly #hostCalls = new HostCallCounters(() => true);
  /** Whose results those are. */
  #resultsOf: EngineId | undefined;
  #callEnds = 0;
  #oneWay: OneWayCall[] = [];
  #oneWayCalls = 0;
  #lastFlush = 0;
  /** The clock when it was last asked: the end of one call is the start of the next. */
  #now = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  handle(message: ToCell): void {
    switch (message.type) {
      case 'load':
        this.#load(message);
        break;
      case 'calls':
        this.#now = performance.now();
        this.#lastFlush = this.#now;
        for (const call of message.calls) this.#call(call);
        this.flush();
        break;
      case 'bindings': {
        const loaded = this.#engines.get(message.engine);
        if (loaded !== undefined) loaded.bindings = message.bindings;
        break;
      }
      case 'unload':
        this.#engines.get(message.engine)?.instance[Symbol.dispose]();
        this.#engines.delete(message.engine);
        break;
      case 'leave':
        process.exit();
        break;
      case 'provider': {
        const { token } = message;
        this.#parts.providers.set(message.id, message.provider).then(
          () => this.#parts.post({ type: 'ack', token }),
          (thrown: unknown) =>
            this.#parts.post({ type: 'ack', token, error: asIotError(thrown, 'E_PROVIDER').toJSON() }),
        );
        break;
      }
    }
  }

  /** Hands over the results so far; also before this thread sleeps in an awaited host call. */
  flush(): void {
    this.#lastFlush = this.#now;
    // Before the results of the calls in which they were made.
    if (this.#oneWay.length > 0) {
      const calls = this.#oneWay;
      this.#oneWay = [];
      this.#parts.post({ type: 'one-way', calls });
    }
    if (this.#results.length === 0) return;
    const results = this.#results;
    this.#results = [];
    const hostCalls = this.#hostCalls.take();
    this.#parts.post({ type: 'results', results, ...(hostCalls.length === 0 ? {} : { hostCalls }) });
  }

  #load(message: Extract<ToCell, { type: 'load' }>): void {
    const { id, engine, actor, limits } = message;
    if (!this.#begin(id)) return;
    let instance: Instance | undefined;
    try {
      const host = {
        hostCall: (binding: string, namespace: string, operation: string, payload: Uint8Array) =>
          this.#hostCall(engine, binding, namespace, operation, payload),
        log: (text: string) => this.#parts.logs.write(actor, 'info', text),
      };
      instance = this.#parts.engine.load(message.module, host, { ...limits, startFuel: START_FUEL });
      this.#engines.set(engine, { actor, limits, instance, bindings: null, spent: false });
      instance.start();
      this.#parts.post({ type: 'loaded', id, memoryPages: instance.memoryPages });
    } catch (thrown) {
      instance?.[Symbol.dispose]();
      this.#engines.delete(engine);
      this.#parts.post({
        type: 'loaded',
        id,
        memoryPages: 0,
        error: asIotError(thrown, 'E_ENGINE').toJSON(),
      });
    } finally {
      Atomics.store(this.#parts.shared, RUNNING, 0);
    }
  }

  #call(call: CellCall): void {
    const { id } = call;
    // What one actor is owed must not be lost when another one's call does not end.
    if (this.#resultsOf !== call.engine) this.flush();
    this.#resultsOf = call.engine;
    const loaded = this.#engines.get(call.engine);
    if (loaded === undefined || loaded.spent) {
      const error = new IotError('E_NOT_RUNNING', 'the engine ended before this call').toJSON();
      this.#results.push({ id, ok: false, error, fatal: true, started: false });
      // At once: what the main thread knows of a cell that ended is the last id, and this one was never begun.
      this.flush();
      return;
    }
    const patience = call.until === undefined ? Infinity : call.until - monotonicMs();
    const left = Math.min(loaded.limits.deadlineMs, patience);
    this.#callEnds = this.#now + left;
    if (!this.#begin(id)) return;
    if (left <= 0) {
      this.#end(id);
      const error = new IotError('E_TIMEOUT', 'its sender had given up before its turn came').toJSON();
      this.#results.push({ id, ok: false, error, fatal: false, started: true });
      return;
    }
    const result = loaded.instance.call(call.operation, call.payload);
    this.#end(id);
    if (result.ok) {
      this.#results.push({ id, ok: true, reply: result.reply, fuel: loaded.instance.fuelUsed });
    } else {
      loaded.spent = result.fatal;
      this.#results.push({ id, ok: false, error: result.error.toJSON(), fatal: result.fatal, started: true });
    }
    this.#now = performance.now();
    if (this.#now - this.#lastFlush > FLUSH_MS) this.flush();
  }

  /**
   * Says what runs, then looks whether it still may. The main thread does both the other way round: so what it takes
   * for never begun, and offers to another cell, is never begun here.
   */
  #begin(id: number): boolean {
    Atomics.store(this.#parts.shared, RUNNING, id);
    return Atomics.load(this.#parts.shared, STOPPED) === 0;
  }

  #end(id: number): void {
    Atomics.store(this.#parts.shared, FINISHED, id);
    Atomics.store(this.#parts.shared, RUNNING, 0);
  }

  #hostCall(
    engine: EngineId,
    binding: string,
    namespace: string,
    operation: string,
    payload: Uint8Array,
  ): Uint8Array | IotError {
    const loaded = this.#engines.get(engine);
    if (loaded === undefined || loaded.bindings === null) {
      return new IotError(
        'E_NOT_RUNNING',
        `${namespace} ${operation} was called before Start: a module does no I/O until then`,
      );
    }
    let oneWay = false;
    for (const bound of loaded.bindings) {
      if (bound.contract !== namespace || bound.name !== binding) continue;
      const answer = this.#parts.providers.perform(loaded.actor, bound, operation, payload);
      if (answer !== undefined) {
        this.#hostCalls.add(namespace, answer instanceof IotError ? answer.code : 'ok');
        return answer;
      }
      oneWay = this.#parts.providers.isOneWay(loaded.actor, bound, operation, payload);
      break;
    }
    // The payload is a view into engine memory: postMessage would copy the whole of it.
    const call = { engine, binding, namespace, operation, payload: payload.slice() };
    this.#now = performance.now();
    const waitMs = this.#callEnds - this.#now;
    if (oneWay && waitMs > 0 && this.#oneWayCalls < MAX_ONE_WAY_CALLS) {
      this.#oneWayCalls += 1;
      this.#oneWay.push({ ...call, waitMs });
      if (this.#now - this.#lastFlush > FLUSH_MS) this.flush();
      return EMPTY;
    }
    this.#oneWayCalls = 0;
    return this.#parts.awaited.perform(call, waitMs);
  }
}
