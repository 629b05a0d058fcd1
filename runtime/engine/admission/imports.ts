import { IotError } from '../../base/errors.js';
import type { Module } from '../../wasm/module.js';
import { type Import, signatureOf } from '../../wasm/types.js';
import { LINKED_IMPORTS } from '../imports.js';
import type { ModuleKind } from './kind.js';

const SIGNATURES: ReadonlyMap<string, string> = new Map(
  LINKED_IMPORTS.map(({ module, name, signature }) => [key(module, name), signature]),
);

/**
 * Throws E_IMPORT for the first import that the engine does not link: an imported memory, table or global (wasm3
 * reads an unlinked global as 0), an unknown name, a known one of another type. A plain module has no imports.
 */
export function refuseImports(module: Module, kind: ModuleKind): void {
  for (const entry of module.imports) {
    const what = `${entry.module}.${entry.name}`;
    if (entry.kind !== 'function') {
      throw new IotError('E_IMPORT', `imports the ${entry.kind} ${what}, but a module has to bring its own`);
    }
    if (kind === 'plain') {
      throw new IotError('E_IMPORT', `imports ${what}, but a plain module may not import anything`);
    }
    const wanted = SIGNATURES.get(key(entry.module, entry.name));
    if (wanted === undefined)
      throw new IotError('E_IMPORT', `imports ${what}, which this host does not have`);
    const found = importSignature(module, entry);
    if (found !== wanted) throw new IotError('E_IMPORT', `imports ${what} as ${found} instead of ${wanted}`);
  }
}

function importSignature({ types }: Module, { typeIndex }: Import): string {
  const type = typeIndex === undefined ? undefined : types[typeIndex];
  return type === undefined ? 'nothing' : signatureOf(type);
}

/** No name can hold the separator and be linked: none of ours does. */
function key(module: string, name: string): string {
  return `${module}\n${name}`;
}
