import { encodeU32 } from './leb.js';
import { ByteReader, moduleError } from './reader.js';

/** Section ids (WebAssembly core specification 5.5.2; `tag` is from the exception handling proposal). */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

export type SectionId = (typeof SECTION)[keyof typeof SECTION];

/** Known sections appear at most once and in this order; custom ones anywhere. */
const ORDER: readonly SectionId[] = [
  SECTION.type,
  SECTION.import,
  SECTION.function,
  SECTION.table,
  SECTION.memory,
  SECTION.tag,
  SECTION.global,
  SECTION.export,
  SECTION.start,
  SECTION.element,
  SECTION.dataCount,
  SECTION.code,
  SECTION.data,
];

const MAGIC = 0x6d736100;
const HEADER_BYTES = 8;

/** One section of a module; offsets count from the start of the file. */
export interface Section {
  readonly id: SectionId;
  /** Of custom sections only. */
  readonly name: string | undefined;
  /** Offset of the id byte. */
  readonly start: number;
  /** Offset behind id and length. */
  readonly bodyStart: number;
  /** Offset of what the section holds: behind the name in a custom section, otherwise `bodyStart`. */
  readonly contentStart: number;
  /** Offset behind the last byte. */
  readonly end: number;
}

export interface CustomSection {
  readonly name: string;
  /** A view, without the name. */
  readonly content: Uint8Array;
}

/**
 * The sections of a module from first to last: header, ids, lengths and order are checked, the contents are not.
 * Throws E_MODULE with the offset; never reads outside `bytes`.
 */
export function readSections(bytes: Uint8Array): Section[] {
  const reader = new ByteReader(bytes);
  readHeader(reader);
  const sections: Section[] = [];
  let rank = -1;
  while (!reader.atEnd) {
    const section = readSection(reader);
    if (section.id !== SECTION.custom) {
      const next = ORDER.indexOf(section.id);
      if (next <= rank) {
        const problem = next === rank ? 'appears twice' : 'is out of order';
        reader.fail(`section ${sectionName(section.id)} ${problem}`, section.start);
      }
      rank = next;
    }
    sections.push(section);
  }
  return sections;
}

/** The custom sections of a module, in order. Throws E_MODULE. */
export function readCustomSections(bytes: Uint8Array): CustomSection[] {
  return readSections(bytes).flatMap(({ name, contentStart, end }) =>
    name === undefined ? [] : [{ name, content: bytes.subarray(contentStart, end) }],
  );
}

/** A reader over what a section holds. */
export function contentReader(bytes: Uint8Array, section: Section): ByteReader {
  return new ByteReader(bytes, section.contentStart, section.end);
}

/** The name of a section id as the specification writes it. */
export function sectionName(id: SectionId): string {
  const found = Object.entries(SECTION).find(([, value]) => value === id);
  return found === undefined ? String(id) : found[0];
}

/** A custom section's bytes, id included, with lengths of minimal size. */
export function encodeCustomSection(name: string, content: Uint8Array): Uint8Array {
  const nameBytes = Buffer.from(name, 'utf8');
  const body = Buffer.concat([encodeU32(nameBytes.length), nameBytes, content]);
  return Uint8Array.from(Buffer.concat([Uint8Array.of(SECTION.custom), encodeU32(body.length), body]));
}

function readHeader(reader: ByteReader): void {
  const { bytes } = reader;
  if (bytes.length < HEADER_BYTES) {
    throw moduleError(`file of ${bytes.length} bytes is too short for a WebAssembly module`, 0);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (view.getUint32(0, true) !== MAGIC) throw moduleError('file does not begin with "\\0asm"', 0);
  const version = view.getUint16(4, true);
  const layer = view.getUint16(6, true);
  if (layer === 1) throw moduleError('file is a WebAssembly component, not a core module', 4);
  if (version !== 1 || layer !== 0) throw moduleError(`WebAssembly version ${version} is not known`, 4);
  reader.offset = HEADER_BYTES;
}

function readSection(reader: ByteReader): Section {
  const start = reader.offset;
  const id = reader.u8();
  if (!isSectionId(id)) return reader.fail(`section id ${id} is not known`, start);
  const length = reader.u32();
  const bodyStart = reader.offset;
  if (length > reader.end - bodyStart) {
    reader.fail(`section ${sectionName(id)} of ${length} bytes runs past the end of the file`, start);
  }
  const body = reader.slice(length);
  const name = id === SECTION.custom ? body.name() : undefined;
  return { id, name, start, bodyStart, contentStart: body.offset, end: body.end };
}

function isSectionId(id: number): id is SectionId {
  return id >= SECTION.custom && id <= SECTION.tag;
}
