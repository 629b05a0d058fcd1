import { IotError, withContext } from '../../base/errors.js';
import type { CallResult, EngineLimits, GuestHost, Instance } from '../engine.js';
import { wapcResult } from '../wapc.js';
import { stopText } from '../wasi/index.js';
import { Guest } from './guest.js';
import { HostSide } from './host.js';
import type { EngineMemory } from './memory.js';
import { Buffer, type FunctionHandle, NULL, StateWord, VALUE_TYPES } from './shim.js';

const GUEST_CALL = '__guest_call';
/** Called once each, in this order, if exported. */
const START_FUNCTIONS = ['_start', '_initialize', 'wapc_init'] as const;
const encoder = new TextEncoder();

/** A waPC actor in an engine of its own. */
export class ActorInstance implements Instance {
  readonly #guest: Guest;
  readonly #host: HostSide;
  readonly #limits: EngineLimits;
  readonly #starts: readonly (readonly [name: string, fn: FunctionHandle])[];
  #started = false;
  #busy = false;
  #operation: string | undefined;
  #operationLength = 0;
  #fuelUsed = 0;

  constructor(compiled: WebAssembly.Module, module: Uint8Array, host: GuestHost, limits: EngineLimits) {
    this.#limits = limits;
    this.#host = new HostSide(() => this.#guest.memory, host, limits);
    this.#guest = new Guest(compiled, module, {
      linkable: true,
      memoryPages: limits.memoryPages,
      imports: this.#host.imports(),
    });
    this.#guest.shim.iot_set_payload_limit(limits.payloadBytes);
    this.#guest.shim.iot_set_guest_call(this.#export(GUEST_CALL, '(i32, i32) -> i32'));
    this.#starts = START_FUNCTIONS.filter((name) => this.#guest.functions.has(name)).map(
      (name) => [name, this.#export(name, '() -> ()')] as const,
    );
  }

  #export(name: string, type: string): FunctionHandle {
    const fn = this.#guest.functions.get(name);
    if (fn === undefined) throw new IotError('E_EXPORT', `does not export the function ${name}`);
    const found = functionType(this.#guest, fn);
    if (found !== type) throw new IotError('E_EXPORT', `exports ${name} as ${found} instead of ${type}`);
    return fn;
  }

  get fuelUsed(): number {
    return this.#fuelUsed;
  }

  get memoryPages(): number {
    return this.#guest.memoryPages;
  }

  start(): void {
    if (this.#guest.disposed) throw new Error('start() on a disposed instance');
    if (this.#started) throw new Error('start() was called before');
    this.#started = true;
    this.#fuelUsed = 0;
    this.#startOne('start section', undefined);
    for (const [name, fn] of this.#starts) this.#startOne(name, fn);
  }

  #startOne(name: string, fn: FunctionHandle | undefined): void {
    const fuel = this.#limits.startFuel - this.#fuelUsed;
    this.#enter();
    const error = fn === undefined ? this.#guest.runStart(fuel) : this.#guest.invoke(fn, NULL, fuel);
    this.#leave();
    this.#fuelUsed += this.#guest.fuelUsed;
    if (error === undefined) return;
    // A program whose `main` ends leaves this way; what it registered stays.
    const { stop } = this.#host;
    if (name === '_start' && stop?.kind === 'exit' && stop.code === 0) {
      this.#guest.goOn();
      return;
    }
    const named = this.#named(error);
    const { code, message } = named;
    const known =
      code === 'E_TRAP' || code === 'E_FUEL' ? named : new IotError('E_START', message, { cause: named });
    throw withContext(known, name);
  }

  #enter(): void {
    this.#busy = true;
    if (this.#guest.usesWasi) this.#host.begin();
  }

  #leave(): void {
    if (this.#guest.usesWasi) this.#host.end();
    this.#busy = false;
  }

  /** The error by the name of what the guest did to itself, if it was that: `env.abort`, `proc_exit`, a bad pointer. */
  #named(error: IotError): IotError {
    const { aborted, stop } = this.#host;
    if (error.code !== 'E_TRAP') return error;
    if (aborted !== undefined) return new IotError('E_TRAP', `the actor trapped: ${aborted}`);
    if (stop?.kind === 'exit') return new IotError('E_TRAP', `the actor trapped: ${stopText(stop.code)}`);
    return stop?.error ?? error;
  }

  call(operation: string, payload: Uint8Array): CallResult {
    const refusal = this.#refusal(payload);
    if (refusal !== undefined) return refusal;
    if (!this.#fill(operation, payload))
      return failure('E_MEMORY', `no room for a payload of ${payload.length} bytes`, false);
    const fuel = this.#limits.fuelPerCall;
    this.#enter();
    const error = this.#guest.call(this.#operationLength, payload.length, fuel);
    this.#leave();
    this.#fuelUsed = this.#guest.fuelUsed;
    if (error !== undefined) return { ok: false, error: this.#named(error), fatal: true };
    return this.#result(this.#guest.memory);
  }

  #refusal(payload: Uint8Array): CallResult | undefined {
    const { spent, disposed } = this.#guest;
    if (disposed) return failure('E_NOT_RUNNING', 'the instance is disposed', true);
    if (spent !== undefined) return failure('E_NOT_RUNNING', `the instance is spent: ${spent.message}`, true);
    if (!this.#started) return failure('E_NOT_RUNNING', 'the instance is not started', false);
    if (this.#busy) return failure('E_ENGINE', 'call cycle: the actor is in a call already', false);
    const limit = this.#limits.payloadBytes;
    if (payload.length <= limit) return undefined;
    return failure('E_PAYLOAD', `payload of ${payload.length} bytes is above the limit of ${limit}`, false);
  }

  /** Puts a request into the engine; the operation's name only when it is another than last time. */
  #fill(operation: string, payload: Uint8Array): boolean {
    const { memory } = this.#guest;
    if (operation !== this.#operation) {
      const name = encoder.encode(operation);
      if (memory.fill(Buffer.operation, name) === NULL) return false;
      this.#operation = operation;
      this.#operationLength = name.length;
    }
    return memory.fill(Buffer.payload, payload) !== NULL;
  }

  #result(memory: EngineMemory): CallResult {
    let error: string | undefined;
    if (memory.state(StateWord.hasError) !== 0)
      error = memory.text(memory.state(StateWord.error), memory.state(StateWord.errorLength));
    let response: Uint8Array | undefined;
    if (memory.state(StateWord.hasResponse) !== 0) {
      const at = memory.state(StateWord.response);
      const length = memory.state(StateWord.responseLength);
      if (at === NULL && error === undefined) {
        const limit = this.#limits.payloadBytes;
        return failure('E_PAYLOAD', `reply of ${length} bytes is above the limit of ${limit}`, false);
      }
      response = memory.copyOut(at, length);
    }
    return wapcResult(memory.state(StateWord.result), response, error);
  }

  [Symbol.dispose](): void {
    this.#guest[Symbol.dispose]();
  }
}

function failure(code: IotError['code'], message: string, fatal: boolean): CallResult {
  return { ok: false, error: new IotError(code, message), fatal };
}

/** A function's type as WebAssembly writes it: `(i32, i32) -> i32`. */
export function functionType({ shim }: Guest, fn: FunctionHandle): string {
  const types = (count: number, at: (index: number) => number): string[] =>
    Array.from({ length: count }, (_, index) => VALUE_TYPES[at(index)] ?? 'unknown');
  const parameters = types(shim.iot_parameter_count(fn), (index) => shim.iot_parameter_type(fn, index));
  const results = types(shim.iot_result_count(fn), (index) => shim.iot_result_type(fn, index));
  return `(${parameters.join(', ')}) -> ${results.length === 1 ? results[0] : `(${results.join(', ')})`}`;
}
