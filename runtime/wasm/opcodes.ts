/** Opcodes that somebody looks at by name (WebAssembly core specification 5.4 and the proposals' tables). */
export const OP = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  end: 0x0b,
  callIndirect: 0x11,
  delegate: 0x18,
  tryTable: 0x1f,
  globalGet: 0x23,
  tableGet: 0x25,
  tableSet: 0x26,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  f64Const: 0x44,
  refNull: 0xd0,
  refFunc: 0xd2,
  bulkPrefix: 0xfc,
} as const;

/** First byte of an instruction whose real opcode follows as a number. */
export const PREFIX = { gc: 0xfb, bulk: 0xfc, simd: 0xfd, atomic: 0xfe } as const;

/** What follows an opcode. `block` is a block type, `index` one index, `memarg` alignment and offset. */
export type Immediates =
  | 'none'
  | 'block'
  | 'tryTable'
  | 'index'
  | 'twoIndices'
  | 'brTable'
  | 'memarg'
  | 'memargLane'
  | 'memory'
  | 'i32'
  | 'i64'
  | 'bytes1'
  | 'bytes4'
  | 'bytes8'
  | 'bytes16'
  | 'types'
  | 'heapType';

type Range = readonly [first: number, last: number, immediates: Immediates];

const PLAIN: readonly Range[] = [
  [0x00, 0x01, 'none'],
  [0x02, 0x04, 'block'],
  [0x05, 0x05, 'none'],
  [0x06, 0x06, 'block'],
  [0x07, 0x09, 'index'],
  [0x0a, 0x0b, 'none'],
  [0x0c, 0x0d, 'index'],
  [0x0e, 0x0e, 'brTable'],
  [0x0f, 0x0f, 'none'],
  [0x10, 0x10, 'index'],
  [0x11, 0x11, 'twoIndices'],
  [0x12, 0x12, 'index'],
  [0x13, 0x13, 'twoIndices'],
  [0x14, 0x15, 'index'],
  [0x18, 0x18, 'index'],
  [0x19, 0x1b, 'none'],
  [0x1c, 0x1c, 'types'],
  [0x1f, 0x1f, 'tryTable'],
  [0x20, 0x26, 'index'],
  [0x28, 0x3e, 'memarg'],
  [0x3f, 0x40, 'memory'],
  [0x41, 0x41, 'i32'],
  [0x42, 0x42, 'i64'],
  [0x43, 0x43, 'bytes4'],
  [0x44, 0x44, 'bytes8'],
  [0x45, 0xc4, 'none'],
  [0xd0, 0xd0, 'heapType'],
  [0xd1, 0xd1, 'none'],
  [0xd2, 0xd2, 'index'],
  [0xd3, 0xd4, 'none'],
  [0xd5, 0xd6, 'index'],
];

const BULK: readonly Range[] = [
  [0, 7, 'none'],
  [8, 8, 'twoIndices'],
  [9, 9, 'index'],
  [10, 10, 'twoIndices'],
  [11, 11, 'index'],
  [12, 12, 'twoIndices'],
  [13, 13, 'index'],
  [14, 14, 'twoIndices'],
  [15, 17, 'index'],
];

const SIMD: readonly Range[] = [
  [0x00, 0x0b, 'memarg'],
  [0x0c, 0x0d, 'bytes16'],
  [0x0e, 0x14, 'none'],
  [0x15, 0x22, 'bytes1'],
  [0x23, 0x53, 'none'],
  [0x54, 0x5b, 'memargLane'],
  [0x5c, 0x5d, 'memarg'],
  [0x5e, 0x13f, 'none'],
];

const ATOMIC: readonly Range[] = [
  [0x00, 0x02, 'memarg'],
  [0x03, 0x03, 'bytes1'],
  [0x10, 0x4e, 'memarg'],
];

function table(ranges: readonly Range[]): readonly (Immediates | undefined)[] {
  const entries: (Immediates | undefined)[] = [];
  for (const [first, last, immediates] of ranges) {
    for (let opcode = first; opcode <= last; opcode += 1) entries[opcode] = immediates;
  }
  return entries;
}

export const PLAIN_IMMEDIATES = table(PLAIN);

/** By prefix byte, then by opcode. The GC proposal's are not read: no engine here runs them. */
export const PREFIXED_IMMEDIATES: ReadonlyMap<number, readonly (Immediates | undefined)[]> = new Map([
  [PREFIX.bulk, table(BULK)],
  [PREFIX.simd, table(SIMD)],
  [PREFIX.atomic, table(ATOMIC)],
]);
