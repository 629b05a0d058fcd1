import type { CallResult, EngineLimits, GuestHost, Instance } from '#runtime/engine/engine.js';
import { createWasm3Engine, loadEngineModule } from '#runtime/engine/wasm3/index.js';
import { wat } from '../helpers/wat.js';

export const engine = createWasm3Engine(await loadEngineModule());

export const LIMITS: EngineLimits = {
  memoryPages: 64,
  fuelPerCall: 1_000_000,
  startFuel: 1_000_000,
  payloadBytes: 1024 * 1024,
};

/** A host that answers nothing and keeps what is logged. */
export function quietHost(hostCall?: GuestHost['hostCall']): GuestHost & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    hostCall:
      hostCall ??
      (() => {
        throw new Error('no host call expected');
      }),
    log: (text) => lines.push(text),
  };
}

/** All nine functions, as every fixture may need them; `module` is `wapc` or `wasmbus`. */
export function wapcImports(module = 'wapc'): string {
  return `
  (import "${module}" "__guest_request" (func $guest_request (param i32 i32)))
  (import "${module}" "__guest_response" (func $guest_response (param i32 i32)))
  (import "${module}" "__guest_error" (func $guest_error (param i32 i32)))
  (import "${module}" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "${module}" "__host_response_len" (func $host_response_len (result i32)))
  (import "${module}" "__host_response" (func $host_response (param i32)))
  (import "${module}" "__host_error_len" (func $host_error_len (result i32)))
  (import "${module}" "__host_error" (func $host_error (param i32)))
  (import "${module}" "__console_log" (func $console_log (param i32 i32)))`;
}

/** An actor whose `__guest_call` (op length $op, payload length $len) is `body`; `extra` goes beside it. */
export function actor(body: string, extra = '', memory = '(memory (export "memory") 17)'): Uint8Array {
  return wat(`(module ${wapcImports()} ${memory} ${extra}
    (func (export "__guest_call") (param $op i32) (param $len i32) (result i32) (local $i i32) ${body}))`);
}

/** Loaded and started. */
export function run(module: Uint8Array, host: GuestHost = quietHost(), limits = LIMITS): Instance {
  const instance = engine.load(module, host, limits);
  instance.start();
  return instance;
}

/** One call on a fresh instance. */
export function callOnce(
  module: Uint8Array,
  { host = quietHost(), limits = LIMITS, operation = 'op', payload = new Uint8Array(0) } = {},
): CallResult {
  using instance = run(module, host, limits);
  return instance.call(operation, payload);
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** The code and message of a failed call; fails when it went well. */
export function failureOf(result: CallResult): { code: string; message: string; fatal: boolean } {
  if (result.ok) throw new Error('the call went well');
  return { code: result.error.code, message: result.error.message, fatal: result.fatal };
}

export function replyOf(result: CallResult): Uint8Array {
  if (!result.ok) throw result.error;
  return result.reply;
}
