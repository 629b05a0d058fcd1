import { IotError } from '../../base/errors.js';
import { readExport, readImport } from '../../wasm/declarations.js';
import { contentReader, readSections, SECTION } from '../../wasm/sections.js';
import type { Import } from '../../wasm/types.js';

/** What a module wants and offers, as far as the engine needs it. */
export interface ModuleInterface {
  readonly imports: readonly Import[];
  /** Exported functions by name, with their index among all functions, imported ones first. */
  readonly functions: ReadonlyMap<string, number>;
  /** The module in parts, without its custom sections: names, claims and debug notes only cost memory there. */
  readonly code: readonly Uint8Array[];
}

const HEADER_BYTES = 8;

/**
 * wasm3 keeps only three names of a function and also finds functions by their debug names, so exports are looked
 * up here and not there. Throws E_MODULE for bytes that are not a valid module.
 */
export function readInterface(bytes: Uint8Array): ModuleInterface {
  const sections = readSections(bytes);
  if (!WebAssembly.validate(bytes))
    throw new IotError('E_MODULE', `module of ${bytes.length} bytes is not valid WebAssembly`);
  const entries = (id: typeof SECTION.import | typeof SECTION.export) =>
    sections.filter((section) => section.id === id).map((section) => contentReader(bytes, section));
  const imports = entries(SECTION.import).flatMap((reader) => reader.vector(() => readImport(reader)));
  const exports = entries(SECTION.export).flatMap((reader) => reader.vector(() => readExport(reader)));
  return {
    imports,
    functions: new Map(
      exports.filter(({ kind }) => kind === 'function').map(({ name, index }) => [name, index]),
    ),
    code: [
      bytes.subarray(0, HEADER_BYTES),
      ...sections
        .filter(({ id }) => id !== SECTION.custom)
        .map(({ start, end }) => bytes.subarray(start, end)),
    ],
  };
}
