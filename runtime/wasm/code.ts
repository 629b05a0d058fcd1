import { readValueType } from './declarations.js';
import type { Feature, FeatureLog } from './features.js';
import { InstructionReader } from './instructions.js';
import { indexFeature, opcodeFeature } from './opcode-features.js';
import { OP } from './opcodes.js';
import type { ByteReader } from './reader.js';
import type { FunctionType, ValueType } from './types.js';

/** What one function body holds. */
export interface FunctionBody {
  /** Offset of the body in the file, and its bytes. */
  readonly offset: number;
  readonly size: number;
  /** Declared locals, parameters not counted. */
  readonly locals: number;
  /** Deepest nesting of blocks, loops and ifs; 0 for a body without any. */
  readonly nesting: number;
}

/** The code section, body by body; `firstIndex` is the index of the first body's function. Throws E_MODULE. */
export function readCode(
  reader: ByteReader,
  firstIndex: number,
  types: readonly FunctionType[],
  features: FeatureLog,
): FunctionBody[] {
  return reader.vector((position) =>
    readBody(reader.slice(reader.u32()), types, (feature, offset) =>
      features.add(feature, offset, firstIndex + position),
    ),
  );
}

type NoteFeature = (feature: Feature, offset: number) => void;

function readBody(body: ByteReader, types: readonly FunctionType[], note: NoteFeature): FunctionBody {
  const offset = body.offset;
  const locals = readLocals(body, note);
  const nesting = walk(body, types, note);
  if (!body.atEnd) body.fail('function body goes on behind its end');
  return { offset, size: body.end - offset, locals, nesting };
}

function readLocals(body: ByteReader, note: NoteFeature): number {
  let total = 0;
  body.vector(() => {
    const start = body.offset;
    total += body.u32();
    noteType(readValueType(body), start, note);
  });
  return total;
}

/** Steps through one body to its last `end`; returns the deepest nesting. */
function walk(body: ByteReader, types: readonly FunctionType[], note: NoteFeature): number {
  const instruction = new InstructionReader(body);
  let open = 1;
  let deepest = 1;
  while (open > 0) {
    instruction.next();
    const { opcode, offset } = instruction;
    const feature = opcodeFeature(instruction);
    if (feature !== undefined) note(feature, offset);
    const other = indexFeature(instruction);
    if (other !== undefined) note(other, offset);
    if (instruction.padded) note('padded-encoding', offset);
    if (opensBlock(opcode)) {
      open += 1;
      deepest = Math.max(deepest, open);
      if (instruction.blockTypeIndex >= 0)
        noteBlockType(types[instruction.blockTypeIndex], instruction, note);
    } else if (opcode === OP.end || opcode === OP.delegate) {
      open -= 1;
    }
  }
  return deepest - 1;
}

function opensBlock(opcode: number): boolean {
  return (opcode >= OP.block && opcode <= OP.if) || opcode === OP.try || opcode === OP.tryTable;
}

function noteBlockType(type: FunctionType | undefined, at: InstructionReader, note: NoteFeature): void {
  if (type === undefined)
    at.reader.fail(`block has type ${at.blockTypeIndex}, which is not declared`, at.offset);
  if (type.parameters.length > 0) note('block-parameters', at.offset);
  if (type.results.length > 1) note('multi-value-results', at.offset);
}

/** Notes the feature that a value type belongs to. */
export function noteType(type: ValueType, offset: number, note: NoteFeature): void {
  if (type === 'v128') note('simd', offset);
  else if (type === 'funcref' || type === 'externref') note('reference-types', offset);
  else if (type === 'exnref') note('exceptions', offset);
  else if (type === 'ref') note('gc', offset);
}
