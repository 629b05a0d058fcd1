import { loadEngineModuleSync } from '#runtime/engine/wasm3/index.js';
import {
  type EnginePointer,
  type FunctionIndex,
  type ShimExports,
  Status,
} from '#runtime/engine/wasm3/shim.js';

export const compiled = loadEngineModuleSync();

/** The shim itself, without anything of the host around it. */
export function openShim(): ShimExports {
  const iot = { host_call: () => -1, log: () => {}, abort: () => {}, trace: () => {}, wasi: () => -1 };
  const env = { emscripten_notify_memory_growth: () => {} };
  const shim = new WebAssembly.Instance(compiled, { iot, env }).exports as unknown as ShimExports;
  shim._initialize();
  return shim;
}

export function put(shim: ShimExports, data: Uint8Array): EnginePointer {
  const block = shim.iot_alloc(data.length);
  new Uint8Array(shim.memory.buffer).set(data, block);
  return block;
}

/** Loads and compiles a module without imports; the status of the first step that did not go well. */
export function load(shim: ShimExports, module: Uint8Array, pages = 64): Status {
  const status = shim.iot_load(put(shim, module), module.length, pages);
  return status === Status.ok ? shim.iot_compile() : status;
}

export function invoke32(shim: ShimExports, index: number, argument: number): number {
  const slots = put(shim, new Uint8Array(8));
  const view = (): DataView => new DataView(shim.memory.buffer, slots, 8);
  view().setInt32(0, argument, true);
  const status = shim.iot_invoke(shim.iot_function(index as FunctionIndex), slots, 1e6);
  if (status !== Status.ok) throw new Error(`status ${status}`);
  return view().getInt32(0, true);
}
