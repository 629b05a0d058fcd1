import { IotError } from '../base/errors.js';
import type { ByteReader } from './reader.js';
import type {
  Export,
  FunctionType,
  GlobalType,
  Import,
  ImportKind,
  Limits,
  TableType,
  ValueType,
} from './types.js';

const VALUE_TYPES: ReadonlyMap<number, ValueType> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
  [0x70, 'funcref'],
  [0x6f, 'externref'],
  [0x69, 'exnref'],
]);

/** Abstract heap types of the GC proposal that may stand alone as a value type. */
const FIRST_ABSTRACT_HEAP_TYPE = 0x68;
const LAST_ABSTRACT_HEAP_TYPE = 0x74;
/** `(ref null ht)` and `(ref ht)`, each followed by a heap type. */
const REF_NULL = 0x63;
const REF = 0x64;

/** `sub final`, `sub`, `array`, `struct` and `rec`. */
const GC_FORMS: ReadonlySet<number> = new Set([0x4f, 0x50, 0x5e, 0x5f, 0x4e]);

const KINDS: readonly ImportKind[] = ['function', 'table', 'memory', 'global', 'tag'];

export function readValueType(reader: ByteReader): ValueType {
  const start = reader.offset;
  const code = reader.u8();
  const type = VALUE_TYPES.get(code);
  if (type !== undefined) return type;
  if (code === REF || code === REF_NULL) {
    reader.signed(33);
    return 'ref';
  }
  if (code >= FIRST_ABSTRACT_HEAP_TYPE && code <= LAST_ABSTRACT_HEAP_TYPE) return 'ref';
  return reader.fail(`value type 0x${code.toString(16)} is not known`, start);
}

/** Throws E_FEATURE for the GC proposal's structures, arrays and groups. */
export function readFunctionType(reader: ByteReader): FunctionType {
  const start = reader.offset;
  const form = reader.u8();
  if (GC_FORMS.has(form)) throw gcUse(start);
  if (form !== 0x60) reader.fail(`type of form 0x${form.toString(16)} is not known`, start);
  const parameters = reader.vector(() => readValueType(reader));
  const results = reader.vector(() => readValueType(reader));
  return { parameters, results };
}

/** Limits of a memory or table. Bits: 1 maximum present, 2 shared, 4 64-bit, 8 own page size. */
export function readLimits(reader: ByteReader): Limits {
  const start = reader.offset;
  const flags = reader.u8();
  if (flags > 0x0f) reader.fail(`limits of kind ${flags} are not known`, start);
  const wide = (flags & 4) !== 0;
  const read = () => (wide ? reader.u64() : reader.u32());
  const minimum = read();
  const maximum = (flags & 1) === 0 ? undefined : read();
  const customPageSize = (flags & 8) !== 0;
  if (customPageSize) reader.u32();
  return { minimum, maximum, shared: (flags & 2) !== 0, wide, customPageSize };
}

/** A table's type; the caller reads the starting value that follows when `initialised`. */
export function readTableType(reader: ByteReader): TableType {
  const initialised = reader.bytes[reader.offset] === 0x40;
  if (initialised) reader.take(2);
  const element = readValueType(reader);
  return { element, ...readLimits(reader), initialised };
}

export function readGlobalType(reader: ByteReader): GlobalType {
  const type = readValueType(reader);
  const start = reader.offset;
  const mutability = reader.u8();
  if (mutability > 1) reader.fail(`mutability ${mutability} is not known`, start);
  return { type, mutable: mutability === 1 };
}

export function readImport(reader: ByteReader): Import {
  const module = reader.name();
  const name = reader.name();
  const kind = readKind(reader);
  let typeIndex: number | undefined;
  if (kind === 'function') typeIndex = reader.u32();
  else if (kind === 'table') readTableType(reader);
  else if (kind === 'memory') readLimits(reader);
  else if (kind === 'global') readGlobalType(reader);
  else readTagType(reader);
  return { module, name, kind, typeIndex };
}

export function readExport(reader: ByteReader): Export {
  return { name: reader.name(), kind: readKind(reader), index: reader.u32() };
}

/** The refusal of a module that cannot be read further because it uses garbage-collected types. */
export function gcUse(offset: number): IotError {
  return new IotError('E_FEATURE', `module uses garbage-collected types at offset 0x${offset.toString(16)}`);
}

function readTagType(reader: ByteReader): void {
  reader.u8();
  reader.u32();
}

function readKind(reader: ByteReader): ImportKind {
  const start = reader.offset;
  const code = reader.u8();
  return KINDS[code] ?? reader.fail(`kind ${code} of an import or export is not known`, start);
}
