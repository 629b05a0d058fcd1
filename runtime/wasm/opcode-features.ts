import type { Feature } from './features.js';
import type { InstructionReader } from './instructions.js';
import { OP, PREFIX } from './opcodes.js';

const BULK_FEATURES: readonly Feature[] = [
  ...Array<Feature>(8).fill('saturating-float-to-int'),
  'passive-segments', // memory.init
  'passive-segments', // data.drop
  'memory-copy-fill',
  'memory-copy-fill',
  'table-instructions', // table.init
  'table-instructions', // elem.drop
  'table-instructions', // table.copy
  'reference-types', // table.grow
  'reference-types', // table.size
  'reference-types', // table.fill
];

/** The feature that brought the opcode just read; `undefined` for those of the first version. */
export function opcodeFeature({ opcode, sub }: InstructionReader): Feature | undefined {
  switch (opcode) {
    case 0x06: // try
    case 0x07: // catch
    case 0x08: // throw
    case 0x09: // rethrow
    case 0x0a: // throw_ref
    case 0x18: // delegate
    case 0x19: // catch_all
    case 0x1f: // try_table
      return 'exceptions';
    case 0x12: // return_call
    case 0x13: // return_call_indirect
      return 'tail-calls';
    case 0x14: // call_ref
    case 0x15: // return_call_ref
    case 0xd4: // ref.as_non_null
    case 0xd5: // br_on_null
    case 0xd6: // br_on_non_null
      return 'function-references';
    case 0x1c: // select with types
    case OP.tableGet:
    case OP.tableSet:
    case OP.refNull:
    case 0xd1: // ref.is_null
    case OP.refFunc:
      return 'reference-types';
    case 0xd3: // ref.eq
      return 'gc';
    case PREFIX.bulk:
      return BULK_FEATURES[sub];
    case PREFIX.simd:
      return 'simd';
    case PREFIX.atomic:
      return 'threads';
    default:
      return opcode >= 0xc0 && opcode <= 0xc4 ? 'sign-extension' : undefined;
  }
}

/** The feature that lets the instruction just read name another memory or table than the first. */
export function indexFeature({ opcode, sub, index, second }: InstructionReader): Feature | undefined {
  if (opcode === OP.callIndirect) return second === 0 ? undefined : 'multi-table';
  const touchesMemory =
    (opcode >= 0x28 && opcode <= OP.memoryGrow) || opcode === PREFIX.simd || opcode === PREFIX.atomic;
  if (touchesMemory) return index === 0 ? undefined : 'multi-memory';
  const copiesMemory = opcode === PREFIX.bulk && (sub === 10 || sub === 11);
  return copiesMemory && (index !== 0 || second !== 0) ? 'multi-memory' : undefined;
}
