import { type FunctionBody, noteType, readCode } from './code.js';
import {
  readExport,
  readFunctionType,
  readGlobalType,
  readImport,
  readLimits,
  readTableType,
} from './declarations.js';
import { FeatureLog, type FeatureUse } from './features.js';
import { type ByteReader, moduleError } from './reader.js';
import { contentReader, readSections, SECTION, type SectionId, sectionName } from './sections.js';
import { readConstant, readDataSegment, readElementSegment, type Segment } from './segments.js';
import type { Export, FunctionType, GlobalType, Import, Limits, TableType, ValueType } from './types.js';

/** Everything a module declares, in the order of its indices. In every index space imports come first. */
export interface Module {
  readonly types: readonly FunctionType[];
  readonly imports: readonly Import[];
  /** Type index of each function that the module defines itself. */
  readonly functions: readonly number[];
  readonly tables: readonly TableType[];
  readonly memories: readonly Limits[];
  readonly globals: readonly GlobalType[];
  readonly exports: readonly Export[];
  /** Index of the start function. */
  readonly start: number | undefined;
  readonly elements: readonly Segment[];
  readonly data: readonly Segment[];
  readonly bodies: readonly FunctionBody[];
  /** First use of everything beyond the first version of WebAssembly: declarations before code. */
  readonly features: readonly FeatureUse[];
}

/**
 * Reads a whole module: declarations, segments and every instruction. Throws E_MODULE where the bytes cannot be
 * read, E_FEATURE for garbage-collected types. It finds features and sizes but checks no types: a validator still
 * has to run.
 */
export function readModule(bytes: Uint8Array): Module {
  const file = new ModuleFile(bytes);
  const types = file.vector(SECTION.type, (reader) => readType(reader, file));
  const imports = file.vector(SECTION.import, readImport);
  const functions = file.vector(SECTION.function, (reader) => reader.u32());
  const tables = file.vector(SECTION.table, (reader) => readTable(reader, file.features));
  const memories = file.vector(SECTION.memory, (reader) => readMemory(reader, file.features));
  const firstBody = imports.filter(({ kind }) => kind === 'function').length;
  const module: Module = {
    types,
    imports,
    functions,
    tables,
    memories,
    globals: file.vector(SECTION.global, (reader) => readGlobal(reader, file)),
    exports: file.vector(SECTION.export, readExport),
    start: file.read(SECTION.start, (reader) => reader.u32()),
    elements: file.vector(SECTION.element, (reader) => readElementSegment(reader, file.features)),
    data: file.vector(SECTION.data, (reader) => readDataSegment(reader, file.features)),
    bodies: file.read(SECTION.code, (reader) => readCode(reader, firstBody, types, file.features)) ?? [],
    features: [],
  };
  if (module.bodies.length !== functions.length) {
    throw moduleError(`${functions.length} functions are declared, ${module.bodies.length} have a body`, 0);
  }
  const several = (kind: 'table' | 'memory', own: number) =>
    own + imports.filter((entry) => entry.kind === kind).length > 1;
  file.note(several('table', tables.length) ? 'multi-table' : undefined, SECTION.table);
  file.note(several('memory', memories.length) ? 'multi-memory' : undefined, SECTION.memory);
  file.note('exceptions', SECTION.tag);
  return { ...module, features: file.features.list() };
}

/** A module's sections by id, with the features found so far. */
class ModuleFile {
  readonly features = new FeatureLog();
  private readonly bytes: Uint8Array;
  private readonly sections;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.sections = readSections(bytes);
  }

  /** Reads a section to its very end; `undefined` when the module has none. */
  read<Content>(id: SectionId, readContent: (reader: ByteReader) => Content): Content | undefined {
    const section = this.sections.find((one) => one.id === id);
    if (section === undefined) return undefined;
    const reader = contentReader(this.bytes, section);
    const content = readContent(reader);
    if (!reader.atEnd) reader.fail(`section ${sectionName(id)} goes on behind its contents`);
    return content;
  }

  vector<Item>(id: SectionId, readItem: (reader: ByteReader) => Item): Item[] {
    return this.read(id, (reader) => reader.vector(() => readItem(reader))) ?? [];
  }

  noteType(type: ValueType, offset: number): void {
    noteType(type, offset, (feature, at) => this.features.add(feature, at));
  }

  /** Notes a feature that a whole section stands for, if the module has that section. */
  note(feature: FeatureUse['feature'] | undefined, id: SectionId): void {
    const section = this.sections.find((one) => one.id === id);
    if (feature !== undefined && section !== undefined) this.features.add(feature, section.start);
  }
}

function readType(reader: ByteReader, file: ModuleFile): FunctionType {
  const start = reader.offset;
  const type = readFunctionType(reader);
  for (const one of [...type.parameters, ...type.results]) file.noteType(one, start);
  if (type.results.length > 1) file.features.add('multi-value-results', start);
  return type;
}

function readTable(reader: ByteReader, features: FeatureLog): TableType {
  const start = reader.offset;
  const type = readTableType(reader);
  if (type.initialised) readConstant(reader, features);
  if (type.initialised || type.element !== 'funcref') features.add('reference-types', start);
  noteLimits(type, start, features);
  return type;
}

function readMemory(reader: ByteReader, features: FeatureLog): Limits {
  const start = reader.offset;
  const limits = readLimits(reader);
  noteLimits(limits, start, features);
  return limits;
}

function readGlobal(reader: ByteReader, file: ModuleFile): GlobalType {
  const start = reader.offset;
  const type = readGlobalType(reader);
  file.noteType(type.type, start);
  readConstant(reader, file.features);
  return type;
}

function noteLimits({ shared, wide, customPageSize }: Limits, offset: number, features: FeatureLog): void {
  if (shared) features.add('threads', offset);
  if (wide) features.add('memory64', offset);
  if (customPageSize) features.add('custom-page-sizes', offset);
}
