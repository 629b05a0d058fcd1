import { fault } from './stop.js';

const U32_BYTES = 4;
const U64_BYTES = 8;

/**
 * The guest's memory during one WASI call. Every address comes from the guest: one outside stops the guest with
 * E_TRAP, as it does in waPC, and never reaches the host.
 */
export class GuestMemory {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A view of `length` bytes at `pointer`; both are taken as unsigned. */
  bytes(pointer: number, length: number): Uint8Array {
    const at = this.#checked(pointer, length >>> 0);
    return this.#bytes.subarray(at, at + (length >>> 0));
  }

  u8(pointer: number): number {
    return this.#view.getUint8(this.#checked(pointer, 1));
  }

  u16(pointer: number): number {
    return this.#view.getUint16(this.#checked(pointer, 2), true);
  }

  u32(pointer: number): number {
    return this.#view.getUint32(this.#checked(pointer, U32_BYTES), true);
  }

  u64(pointer: number): bigint {
    return this.#view.getBigUint64(this.#checked(pointer, U64_BYTES), true);
  }

  setU32(pointer: number, value: number): void {
    this.#view.setUint32(this.#checked(pointer, U32_BYTES), value, true);
  }

  /** Values above 64 bits wrap, as clocks do. */
  setU64(pointer: number, value: bigint): void {
    this.#view.setBigUint64(this.#checked(pointer, U64_BYTES), BigInt.asUintN(64, value), true);
  }

  #checked(pointer: number, length: number): number {
    const at = pointer >>> 0;
    if (at + length <= this.#bytes.length) return at;
    throw fault('E_TRAP', "pointer outside the guest's memory");
  }
}
