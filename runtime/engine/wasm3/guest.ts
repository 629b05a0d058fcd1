import { IotError } from '../../base/errors.js';
import { LINKED_IMPORTS, type LinkedImport } from '../imports.js';
import { readInterface } from './binary.js';
import { loadError, type Reason, runError, thrownError } from './faults.js';
import { EngineMemory } from './memory.js';
import {
  Buffer,
  type EnginePointer,
  type FunctionHandle,
  type FunctionIndex,
  NULL,
  SHIM_FUNCTIONS,
  type ShimExports,
  type ShimImports,
  StateWord,
  Status,
} from './shim.js';

const encoder = new TextEncoder();
const importKey = (module: string, name: string): string => `${module}\0${name}`;
const LINKABLE: ReadonlyMap<string, LinkedImport> = new Map(
  LINKED_IMPORTS.map((entry) => [importKey(entry.module, entry.name), entry]),
);

function instantiate(compiled: WebAssembly.Module, imports: ShimImports): ShimExports {
  try {
    const env = { emscripten_notify_memory_growth: () => {} };
    const instance = new WebAssembly.Instance(compiled, { iot: { ...imports }, env });
    return instance.exports as unknown as ShimExports;
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new IotError('E_MEMORY', 'no address space left for another engine', {
        hint: 'start node with --disable-wasm-trap-handler',
        cause,
      });
    throw new IotError('E_ENGINE', 'engine.wasm is of another version than this host', {
      hint: 'npm run build',
      cause,
    });
  }
}

/**
 * One engine with one guest in it: a Wasm instance of its own, so that a fault of the interpreter reaches nobody
 * else. Once anything trapped or was thrown it is spent and runs nothing more.
 */
export class Guest implements Disposable {
  readonly shim: ShimExports;
  readonly memory: EngineMemory;
  /** Whether any function of WASI is linked. */
  readonly usesWasi: boolean;
  /** Exported functions by name. */
  readonly functions: ReadonlyMap<string, FunctionHandle>;
  #spent: IotError | undefined;
  #disposed = false;
  #fuelUsed = 0;
  #memoryPages = 0;

  /** `linkable`: whether imports are allowed at all. Throws E_MODULE, E_FEATURE, E_IMPORT, E_LIMIT, E_MEMORY. */
  constructor(
    compiled: WebAssembly.Module,
    module: Uint8Array,
    options: {
      imports: ShimImports;
      linkable: boolean;
      memoryPages: number;
    },
  ) {
    const { imports, functions, code } = readInterface(module);
    const wanted = imports.map(({ module, name, kind }) => {
      const entry =
        options.linkable && kind === 'function' ? LINKABLE.get(importKey(module, name)) : undefined;
      if (entry !== undefined) return entry;
      throw new IotError('E_IMPORT', `imports ${module}.${name}, which this host does not have`);
    });
    this.usesWasi = wanted.some(({ wasi }) => wasi !== undefined);
    this.shim = instantiate(compiled, options.imports);
    try {
      this.shim._initialize();
      this.memory = new EngineMemory(this.shim);
      this.#load(code, options.memoryPages);
      this.#memoryPages = this.memory.state(StateWord.memoryPages);
      for (const entry of wanted) this.#link(entry);
      this.#checkLoad(this.shim.iot_compile(), options.memoryPages);
      this.functions = new Map(
        [...functions].map(([name, index]) => [name, this.shim.iot_function(index as FunctionIndex)]),
      );
    } catch (thrown) {
      throw thrown instanceof IotError ? thrown : thrownError(thrown, 'E_LIMIT');
    }
  }

  #load(code: readonly Uint8Array[], memoryPages: number): void {
    const block = this.memory.allocateModule(code);
    if (block === NULL) throw loadError(Status.noMemory, { message: '', detail: '' }, memoryPages);
    const length = code.reduce((sum, part) => sum + part.length, 0);
    this.#checkLoad(this.shim.iot_load(block, length, memoryPages), memoryPages);
  }

  #checkLoad(status: Status, memoryPages: number): void {
    if (status !== Status.ok) throw loadError(status, this.#reason(), memoryPages);
  }

  #link({ module, name, signature, wasi }: LinkedImport): void {
    const text = encoder.encode(`${module}\0${name}\0${signature}\0`);
    const at = this.memory.fill(Buffer.payload, text);
    if (at === NULL) throw loadError(Status.noMemory, { message: '', detail: '' }, 0);
    const nameAt = (at + module.length + 1) as EnginePointer;
    const signatureAt = (nameAt + name.length + 1) as EnginePointer;
    const status =
      wasi === undefined
        ? this.shim.iot_link(at, nameAt, signatureAt, SHIM_FUNCTIONS.indexOf(name))
        : this.shim.iot_link_wasi(at, nameAt, signatureAt, wasi);
    if (status !== Status.ok)
      throw new IotError('E_IMPORT', `imports ${module}.${name} with another signature than ${signature}`);
  }

  #reason(): Reason {
    return {
      message: this.memory.cString(this.memory.state(StateWord.message)),
      detail: this.memory.cString(this.memory.state(StateWord.detail)),
    };
  }

  /** Pages of the guest's memory after the last run. */
  get memoryPages(): number {
    return this.#memoryPages;
  }

  /** Why nothing more may run, if so. */
  get spent(): IotError | undefined {
    return this.#spent;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Units burnt by the last run. */
  get fuelUsed(): number {
    return this.#fuelUsed;
  }

  /** The waPC call whose operation and payload are in their buffers; see `#ended` for the answer. */
  call(operationLength: number, payloadLength: number, fuel: number): IotError | undefined {
    try {
      return this.#ended(this.shim.iot_call(operationLength, payloadLength, fuel), fuel);
    } catch (thrown) {
      return this.#broken(thrown, fuel);
    }
  }

  /** Any function, with its 64-bit parameters at `slots`, where the results will be too. */
  invoke(fn: FunctionHandle, slots: EnginePointer, fuel: number): IotError | undefined {
    try {
      return this.#ended(this.shim.iot_invoke(fn, slots, fuel), fuel);
    } catch (thrown) {
      return this.#broken(thrown, fuel);
    }
  }

  /** The module's start section. */
  runStart(fuel: number): IotError | undefined {
    try {
      return this.#ended(this.shim.iot_run_start(fuel), fuel);
    } catch (thrown) {
      return this.#broken(thrown, fuel);
    }
  }

  /** An error for a run that did not end well; the engine is spent with it. `undefined`: it did. */
  #ended(status: Status, fuel: number): IotError | undefined {
    this.#fuelUsed = fuel - this.memory.fuelLeft;
    this.#memoryPages = this.memory.state(StateWord.memoryPages);
    if (status === Status.ok) return undefined;
    this.#spent = runError(status, this.#reason(), fuel);
    return this.#spent;
  }

  /** Takes back that the engine is spent: for a stop that is no fault, from which the engine returned in order. */
  goOn(): void {
    this.#spent = undefined;
  }

  /** Something was thrown through the engine: its state is not to be read any more. */
  #broken(thrown: unknown, fuel: number): IotError {
    this.#fuelUsed = fuel;
    this.#spent = thrownError(thrown, 'E_TRAP');
    return this.#spent;
  }

  /** Dropping the Wasm instance frees all it holds, so a spent engine need not be entered once more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
  }
}
