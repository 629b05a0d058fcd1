import { WASI_IMPORTS } from './wasi/index.js';

/**
 * Everything a module may import from this host: the admission gate refuses whatever is not here, the engine
 * links exactly this. Signatures are `results(parameters)` with `v` none, `i` i32, `I` i64, `f` f32, `F` f64.
 */
export interface LinkedImport {
  readonly module: string;
  readonly name: string;
  readonly signature: string;
  /** Of WASI functions: the number that `WasiHost.call` takes. */
  readonly wasi?: number;
}

/** The nine functions of waPC. wasmCloud guests import the same ones from module `wasmbus`. */
const WAPC_FUNCTIONS: readonly (readonly [name: string, signature: string])[] = [
  ['__guest_request', 'v(ii)'],
  ['__guest_response', 'v(ii)'],
  ['__guest_error', 'v(ii)'],
  ['__host_call', 'i(iiiiiiii)'],
  ['__host_response_len', 'i()'],
  ['__host_response', 'v(i)'],
  ['__host_error_len', 'i()'],
  ['__host_error', 'v(i)'],
  ['__console_log', 'v(ii)'],
];

/** What AssemblyScript's own runtime asks for. */
const ENV_FUNCTIONS: readonly (readonly [name: string, signature: string])[] = [
  ['abort', 'v(iiii)'],
  ['seed', 'F()'],
  ['trace', 'v(iiFFFFF)'],
];

function inModule(
  module: string,
  functions: readonly (readonly [name: string, signature: string])[],
): LinkedImport[] {
  return functions.map(([name, signature]) => ({ module, name, signature }));
}

export const LINKED_IMPORTS: readonly LinkedImport[] = [
  ...inModule('wapc', WAPC_FUNCTIONS),
  ...inModule('wasmbus', WAPC_FUNCTIONS),
  ...inModule('env', ENV_FUNCTIONS),
  ...WASI_IMPORTS.map(({ module, name, signature }, wasi) => ({ module, name, signature, wasi })),
];
