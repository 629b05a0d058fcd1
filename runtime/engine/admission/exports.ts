import { IotError } from '../../base/errors.js';
import type { Module } from '../../wasm/module.js';
import { signatureOf } from '../../wasm/types.js';
import type { ModuleKind } from './kind.js';

const GUEST_CALL = '__guest_call';
const GUEST_CALL_SIGNATURE = 'i(ii)';
/** Called once after instantiation, each if exported. */
const START_FUNCTIONS: readonly string[] = ['_start', '_initialize', 'wapc_init'];

/**
 * Throws E_EXPORT for an actor without `__guest_call` of the right type or without its memory, for a start function
 * of another type, and for any export whose name holds a NUL: the engine, written in C, would see another name.
 */
export function refuseExports(module: Module, kind: ModuleKind): void {
  const hidden = module.exports.find(({ name }) => name.includes('\0'));
  if (hidden !== undefined) {
    throw new IotError('E_EXPORT', `exports a name with a NUL in it: ${JSON.stringify(hidden.name)}`);
  }
  if (kind === 'plain') return;
  if (requireType(module, GUEST_CALL, GUEST_CALL_SIGNATURE) === 'absent') {
    throw new IotError('E_EXPORT', `does not export the function ${GUEST_CALL}, so it is not a waPC actor`);
  }
  for (const name of START_FUNCTIONS) requireType(module, name, 'v()');
  if (!module.exports.some(({ name, kind: what }) => name === 'memory' && what === 'memory')) {
    throw new IotError('E_EXPORT', 'does not export its memory as "memory"');
  }
}

function requireType(module: Module, name: string, signature: string): 'present' | 'absent' {
  const found = module.exports.find((entry) => entry.name === name);
  if (found === undefined) return 'absent';
  const type = found.kind === 'function' ? functionSignature(module, found.index) : found.kind;
  if (type === signature) return 'present';
  throw new IotError('E_EXPORT', `exports ${name} as ${type} instead of ${signature}`);
}

function functionSignature({ imports, functions, types }: Module, index: number): string {
  const imported = imports.flatMap(({ kind, typeIndex }) => (kind === 'function' ? [typeIndex] : []));
  const typeIndex = [...imported, ...functions][index];
  const type = typeIndex === undefined ? undefined : types[typeIndex];
  return type === undefined ? 'nothing' : signatureOf(type);
}
