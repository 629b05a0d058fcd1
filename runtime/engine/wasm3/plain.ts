import { IotError } from '../../base/errors.js';
import type { EngineLimits, PlainInstance, PlainValue } from '../engine.js';
import { Guest } from './guest.js';
import { Buffer, type FunctionHandle, NULL, type ShimImports } from './shim.js';
import { readResult, type ValueType, valueType, writeArgument } from './values.js';

/** A module without imports never calls out. */
const NO_IMPORTS: ShimImports = {
  host_call: () => -1,
  log: () => {},
  abort: () => {},
  trace: () => {},
  wasi: () => -1,
};
const SLOT_BYTES = 8;
/** `max_values` of native/iot_engine.c. */
const MAX_VALUES = 128;

interface Signature {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A module that is no actor: its exports are called by name, as `iot-host run add.wasm add 2 40` does. */
export class PlainModule implements PlainInstance {
  readonly #guest: Guest;
  readonly #limits: EngineLimits;

  constructor(compiled: WebAssembly.Module, module: Uint8Array, limits: EngineLimits) {
    this.#limits = limits;
    this.#guest = new Guest(compiled, module, {
      linkable: false,
      memoryPages: limits.memoryPages,
      imports: NO_IMPORTS,
    });
  }

  invoke(name: string, args: readonly string[]): readonly PlainValue[] {
    if (this.#guest.disposed) throw new Error('invoke() on a disposed instance');
    const { spent } = this.#guest;
    if (spent !== undefined) throw new IotError('E_NOT_RUNNING', `the instance is spent: ${spent.message}`);
    const fn = this.#find(name);
    const { parameters, results } = this.#signature(fn);
    if (args.length !== parameters.length)
      throw new IotError(
        'E_USAGE',
        `${name} takes ${parameters.length} arguments (${parameters.join(', ')}), not ${args.length}`,
      );
    if (Math.max(parameters.length, results.length) > MAX_VALUES)
      throw new IotError('E_LIMIT', `${name} has more than ${MAX_VALUES} parameters or results`);
    const slots = new DataView(new ArrayBuffer(SLOT_BYTES * Math.max(parameters.length, results.length)));
    for (const [index, type] of parameters.entries()) writeArgument(slots, index, type, args[index] ?? '');
    return this.#run(fn, slots, results);
  }

  #run(fn: FunctionHandle, slots: DataView, results: readonly ValueType[]): PlainValue[] {
    const { memory } = this.#guest;
    const at = memory.fill(Buffer.payload, new Uint8Array(slots.buffer));
    if (at === NULL) throw new IotError('E_MEMORY', 'no room for the arguments');
    const fuel = this.#limits.fuelPerCall;
    const error = this.#guest.invoke(fn, at, fuel);
    if (error !== undefined) throw error;
    const values = memory.copyOut(at, slots.byteLength);
    const view = new DataView(values.buffer);
    return results.map((type, index) => readResult(view, index, type));
  }

  #find(name: string): FunctionHandle {
    const { functions } = this.#guest;
    const fn = functions.get(name);
    if (fn !== undefined) return fn;
    const known = [...functions.keys()].join(', ');
    throw new IotError('E_USAGE', `no exported function '${name}'`, {
      hint: known === '' ? 'the module exports no functions' : `it exports ${known}`,
    });
  }

  #signature(fn: FunctionHandle): Signature {
    const { shim } = this.#guest;
    const types = (count: number, at: (index: number) => number): ValueType[] =>
      Array.from({ length: count }, (_, index) => valueType(at(index)));
    return {
      parameters: types(shim.iot_parameter_count(fn), (index) => shim.iot_parameter_type(fn, index)),
      results: types(shim.iot_result_count(fn), (index) => shim.iot_result_type(fn, index)),
    };
  }

  [Symbol.dispose](): void {
    this.#guest[Symbol.dispose]();
  }
}
