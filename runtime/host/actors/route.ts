import { encodePayload } from '../../base/codec.js';
import { IotError } from '../../base/errors.js';
import type { ActorLimits } from '../../base/limits.js';
import type { Cell, Outcome } from '../cell/cell.js';
import type { HostCallHandler } from '../cell/host-calls.js';
import type { CellBinding, EngineId } from '../cell/protocol.js';
import type { CheckedModule } from '../update.js';
import type { Message, Sink } from './intake.js';

/** Why an actor gets `Start`: first time, after a swap, after a fault, or because a newer module was bad. */
export type StartReason = 'start' | 'swap' | 'restart' | 'revert';

/** How guests in the wild say that they have no handler (waPC SDKs of Rust, AssemblyScript, TinyGo; waSCC). */
const NO_HANDLER = [/no handler registered/i, /could not find function/i, /bad dispatch/i];
const HEALTH_REQUEST = encodePayload('msgpack', { placeholder: false });

/** One loaded engine and the module in it. */
export class Route implements Sink {
  readonly module: CheckedModule;
  readonly memoryPages: number;
  /** A binding that the module has asked for in vain, if no other call has failed since: contract and name. */
  lacked: { readonly contract: string; readonly name: string } | undefined;
  readonly #cell: Cell;
  readonly #engine: EngineId;
  readonly #deadlineMs: number;
  #unloaded = false;
  #spent = false;

  private constructor(
    module: CheckedModule,
    cell: Cell,
    engine: EngineId,
    memoryPages: number,
    deadlineMs: number,
  ) {
    this.module = module;
    this.memoryPages = memoryPages;
    this.#cell = cell;
    this.#engine = engine;
    this.#deadlineMs = deadlineMs;
  }

  /** Compiles and starts the module; it stands by. Rejects with the reason of refusal. */
  static async load(
    cell: Cell,
    actor: string,
    module: CheckedModule,
    limits: ActorLimits,
    hostCall: (route: Route) => HostCallHandler,
  ): Promise<Route> {
    let route: Route | undefined;
    const { engine, memoryPages } = await cell.load(actor, module.bytes, limits, (call) =>
      route === undefined
        ? Promise.reject(new IotError('E_NOT_RUNNING', 'called before Start'))
        : hostCall(route)(call),
    );
    route = new Route(module, cell, engine, memoryPages, limits.deadlineMs);
    return route;
  }

  get alive(): boolean {
    return !this.#unloaded && !this.#spent && this.#cell.alive;
  }

  get cell(): Cell {
    return this.#cell;
  }

  send({ contract, operation, payload, until }: Message, settle: (outcome: Outcome) => void): void {
    // Asked here and not where it came in: it may have waited while the code, and the claims with it, changed.
    if (contract !== undefined && !this.module.capabilities.includes(contract)) {
      const why = `${contract} ${operation}: the claims of ${this.module.name} do not ask for ${contract}`;
      settle({ kind: 'error', error: new IotError('E_NOT_CLAIMED', why), fatal: false });
      return;
    }
    this.#call(operation, payload, settle, until);
  }

  /**
   * The module may do I/O from now on. Rejects with E_START, E_TRAP, E_FUEL or E_DEADLINE,
   * or with E_NOT_RUNNING when its engine ended before it had its turn.
   */
  async start(bindings: readonly CellBinding[], reason: StartReason): Promise<void> {
    this.#cell.setBindings(this.#engine, bindings);
    const outcome = await this.#ask('Start', encodePayload('cbor', { reason }));
    if (outcome.kind === 'reply') return;
    if (outcome.kind === 'requeue') throw new IotError('E_NOT_RUNNING', 'its engine ended before Start');
    if (outcome.fatal) throw outcome.error;
    if (NO_HANDLER.some((text) => text.test(outcome.error.message))) return;
    throw new IotError('E_START', `Start failed: ${outcome.error.message}`, { hint: outcome.error.hint });
  }

  /** Grants changed. */
  setBindings(bindings: readonly CellBinding[]): void {
    this.#cell.setBindings(this.#engine, bindings);
  }

  /** No I/O until the next `start`. */
  standBy(): void {
    this.#cell.setBindings(this.#engine, null);
  }

  /** Any answer is healthy, an error too; only a trap, spent fuel or a missed deadline is not. */
  async checkHealth(): Promise<void> {
    const outcome = await this.#ask('HealthRequest', HEALTH_REQUEST);
    if (outcome.kind === 'error' && outcome.fatal) throw outcome.error;
    if (outcome.kind === 'requeue') throw new IotError('E_NOT_RUNNING', 'its engine ended');
  }

  unload(): void {
    if (this.#unloaded) return;
    this.#unloaded = true;
    this.#cell.unload(this.#engine);
  }

  #ask(operation: string, payload: Uint8Array): Promise<Outcome> {
    return new Promise((resolve) => this.#call(operation, payload, resolve));
  }

  #call(operation: string, payload: Uint8Array, settle: (outcome: Outcome) => void, until?: number): void {
    const call = { engine: this.#engine, operation, payload, ...(until === undefined ? {} : { until }) };
    this.#cell.call(call, this.#deadlineMs, (outcome) => {
      if (outcome.kind === 'error' && outcome.fatal) this.#spent = true;
      settle(outcome);
    });
  }
}
