import { IotError } from '../../base/errors.js';

/** What a module wants and offers, as far as the engine needs it. */
export interface ModuleInterface {
  readonly imports: readonly ModuleImport[];
  /** Exported functions by name, with their index among all functions. */
  readonly functions: ReadonlyMap<string, number>;
}

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: 'function' | 'table' | 'memory' | 'global' | 'other';
}

const IMPORT_SECTION = 2;
const EXPORT_SECTION = 7;
const KINDS = ['function', 'table', 'memory', 'global'] as const;
const HEADER_BYTES = 8;
const decoder = new TextDecoder();

/** Reads a module that `WebAssembly.validate` has accepted: lengths and types are known to be right. */
class ValidatedReader {
  #at = HEADER_BYTES;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  unsigned(): number {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  name(): string {
    const length = this.unsigned();
    return decoder.decode(this.#bytes.subarray(this.#at, this.skip(length)));
  }

  skip(length: number): number {
    this.#at += length;
    return this.#at;
  }
}

/** Throws E_MODULE for bytes that are not a valid module. */
export function readInterface(bytes: Uint8Array): ModuleInterface {
  if (!WebAssembly.validate(bytes))
    throw new IotError('E_MODULE', `not a valid WebAssembly module (${bytes.length} bytes)`);
  const imports: ModuleImport[] = [];
  const functions = new Map<string, number>();
  const reader = new ValidatedReader(bytes);
  while (!reader.atEnd) {
    const section = reader.byte();
    const length = reader.unsigned();
    if (section === IMPORT_SECTION) {
      for (let left = reader.unsigned(); left > 0; left--) {
        const module = reader.name();
        const name = reader.name();
        const kind = KINDS[reader.byte()] ?? 'other';
        imports.push({ module, name, kind });
        // Only functions can be linked, so a module with anything else is refused and need not be read further.
        if (kind !== 'function') return { imports, functions };
        reader.unsigned();
      }
    } else if (section === EXPORT_SECTION) {
      for (let left = reader.unsigned(); left > 0; left--) {
        const name = reader.name();
        const isFunction = reader.byte() === 0;
        const index = reader.unsigned();
        if (isFunction) functions.set(name, index);
      }
    } else reader.skip(length);
  }
  return { imports, functions };
}
