import { gcUse, readValueType } from './declarations.js';
import { type Immediates, PLAIN_IMMEDIATES, PREFIX, PREFIXED_IMMEDIATES } from './opcodes.js';
import { type ByteReader, moduleError } from './reader.js';

/**
 * Steps through an instruction sequence. One object is reused for all instructions of a body, because a module has
 * hundreds of thousands of them; the fields describe the instruction that `next()` passed over last.
 */
export class InstructionReader {
  readonly reader: ByteReader;
  /** Offset of the opcode in the file. */
  offset = 0;
  /** The opcode; the prefix byte when there is one, and the opcode behind it in `sub`. */
  opcode = 0;
  sub = 0;
  /** The number behind the prefix takes more bytes than it needs. */
  padded = false;
  /** Index of the block's type, -1 for none or one result. */
  blockTypeIndex = -1;
  /** Memory or table index, 0 where there is none; `second` for instructions with two. */
  index = 0;
  second = 0;
  /** The one value of `i32.const`. */
  value = 0;

  constructor(reader: ByteReader) {
    this.reader = reader;
  }

  /**
   * Throws E_MODULE for an opcode that is not known and for immediates that run past the end, E_FEATURE for the
   * instructions of the GC proposal.
   */
  next(): void {
    const { reader } = this;
    this.offset = reader.offset;
    this.opcode = reader.u8();
    this.sub = 0;
    this.padded = false;
    const prefixed = PREFIXED_IMMEDIATES.get(this.opcode);
    if (prefixed !== undefined) {
      const start = reader.offset;
      this.sub = reader.u32();
      this.padded = reader.offset - start > (this.sub > 0x7f ? 2 : 1);
    } else if (this.opcode === PREFIX.gc) {
      throw gcUse(this.offset);
    }
    const immediates = prefixed === undefined ? PLAIN_IMMEDIATES[this.opcode] : prefixed[this.sub];
    if (immediates === undefined) {
      const name = [this.opcode, ...(prefixed === undefined ? [] : [this.sub])].map((byte) =>
        byte.toString(16),
      );
      throw moduleError(`opcode 0x${name.join(' 0x')} is not known`, this.offset);
    }
    this.readImmediates(immediates);
  }

  private readImmediates(immediates: Immediates): void {
    const { reader } = this;
    this.index = 0;
    this.second = 0;
    switch (immediates) {
      case 'none':
        break;
      case 'block':
        this.readBlockType();
        break;
      case 'tryTable':
        this.readBlockType();
        reader.vector(() => {
          if (reader.u8() < 2) reader.u32();
          reader.u32();
        });
        break;
      case 'index':
        this.index = reader.u32();
        break;
      case 'twoIndices':
        this.index = reader.u32();
        this.second = reader.u32();
        break;
      case 'brTable': {
        const count = reader.u32();
        // Not a vector: fifteen thousand targets need no array.
        for (let target = 0; target <= count; target += 1) reader.u32();
        break;
      }
      case 'memarg':
        this.readMemoryArgument();
        break;
      case 'memargLane':
        this.readMemoryArgument();
        reader.u8();
        break;
      case 'memory': {
        const start = reader.offset;
        this.index = reader.u32();
        this.padded = reader.offset - start > 1;
        break;
      }
      case 'i32':
        this.value = reader.signed(32);
        break;
      case 'i64':
        reader.skip64();
        break;
      case 'bytes1':
        reader.take(1);
        break;
      case 'bytes4':
        reader.take(4);
        break;
      case 'bytes8':
        reader.take(8);
        break;
      case 'bytes16':
        reader.take(16);
        break;
      case 'types':
        reader.vector(() => readValueType(reader));
        break;
      case 'heapType':
        reader.signed(33);
        break;
    }
  }

  private readBlockType(): void {
    const { reader } = this;
    const first = reader.bytes[reader.offset];
    this.blockTypeIndex = -1;
    // 0x40 is "nothing"; 0x41 to 0x7f are value types; everything else is the index of a function type.
    if (first === 0x40) reader.u8();
    else if (first !== undefined && first > 0x40 && first < 0x80) readValueType(reader);
    else this.blockTypeIndex = reader.signed(33);
    if (this.blockTypeIndex < -1) reader.fail('block type is negative', this.offset);
  }

  private readMemoryArgument(): void {
    const { reader } = this;
    const alignment = reader.u32();
    if ((alignment & 0x40) !== 0) this.index = reader.u32();
    reader.skip64();
  }
}
