import { readValueType } from './declarations.js';
import type { FeatureLog } from './features.js';
import { InstructionReader } from './instructions.js';
import { opcodeFeature } from './opcode-features.js';
import { OP } from './opcodes.js';
import type { ByteReader } from './reader.js';

/** An element or data segment. */
export interface Segment {
  /** Where it goes in table or memory 0; `undefined` when passive or when the offset is not one constant. */
  readonly offset: number | undefined;
  /** Entries of an element segment, bytes of a data segment. */
  readonly length: number;
}

/**
 * Passes over a constant expression and returns its value when it is exactly one `i32.const`. More than one
 * instruction, or `global.get`, needs the extended-constants feature or an imported global.
 */
export function readConstant(reader: ByteReader, features: FeatureLog): number | undefined {
  const instruction = new InstructionReader(reader);
  let value: number | undefined;
  for (let count = 0; ; count += 1) {
    instruction.next();
    const { opcode, offset } = instruction;
    if (opcode === OP.end) return count === 1 ? value : undefined;
    const feature = opcodeFeature(instruction);
    if (feature !== undefined) features.add(feature, offset);
    if (count > 0 || !isConstant(opcode)) features.add('extended-constants', offset);
    value = opcode === OP.i32Const ? instruction.value >>> 0 : undefined;
  }
}

function isConstant(opcode: number): boolean {
  return (opcode >= OP.i32Const && opcode <= OP.f64Const) || opcode === OP.refNull || opcode === OP.refFunc;
}

/** Kinds (core specification 5.5.12): bit 0 passive or declarative, bit 1 explicit table, bit 2 expressions. */
export function readElementSegment(reader: ByteReader, features: FeatureLog): Segment {
  const start = reader.offset;
  const kind = reader.u32();
  if (kind > 7) reader.fail(`element segment of kind ${kind} is not known`, start);
  const active = (kind & 1) === 0;
  if (!active) features.add('passive-segments', start);
  else if (kind !== 0) features.add('explicit-segment-index', start);
  if ((kind & 4) !== 0) features.add('reference-types', start);
  if (active && (kind & 2) !== 0 && reader.u32() !== 0) features.add('multi-table', start);
  const offset = active ? readConstant(reader, features) : undefined;
  if ((kind & 3) !== 0) {
    if ((kind & 4) !== 0) readValueType(reader);
    else reader.u8();
  }
  const entries = reader.vector(() => {
    if ((kind & 4) !== 0) readConstant(reader, features);
    else reader.u32();
  });
  return { offset, length: entries.length };
}

/** Kinds: 0 active in memory 0, 1 passive, 2 active with an explicit memory. */
export function readDataSegment(reader: ByteReader, features: FeatureLog): Segment {
  const start = reader.offset;
  const kind = reader.u32();
  if (kind > 2) reader.fail(`data segment of kind ${kind} is not known`, start);
  if (kind === 1) features.add('passive-segments', start);
  if (kind === 2) {
    features.add('explicit-segment-index', start);
    if (reader.u32() !== 0) features.add('multi-memory', start);
  }
  const offset = kind === 1 ? undefined : readConstant(reader, features);
  const length = reader.u32();
  reader.take(length);
  return { offset, length };
}
