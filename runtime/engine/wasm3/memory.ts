import { Buffer, type EnginePointer, NULL, type ShimExports, STATE_WORDS, type StateWord } from './shim.js';

/** Up to this many bytes a loop copies faster than `set` and `slice`. */
const LOOP_COPY_BYTES = 16;
const SLOT_BYTES = 8;
const decoder = new TextDecoder();

/** The buffers that only the host makes room in, so that their address can be kept. */
type HostBuffer = typeof Buffer.operation | typeof Buffer.payload | typeof Buffer.host;

interface Room {
  pointer: EnginePointer;
  capacity: number;
}

/**
 * The only place that allocates in an engine's memory or looks into it. Growth detaches every view, so views are
 * made anew whenever the cached one has length 0.
 */
export class EngineMemory {
  readonly #shim: ShimExports;
  readonly #state: EnginePointer;
  readonly #rooms: Record<HostBuffer, Room> = {
    [Buffer.operation]: { pointer: NULL, capacity: 0 },
    [Buffer.payload]: { pointer: NULL, capacity: 0 },
    [Buffer.host]: { pointer: NULL, capacity: 0 },
  };
  #bytes = new Uint8Array(0);
  #words = new Uint32Array(0);
  #fuel = new Float64Array(0);

  constructor(shim: ShimExports) {
    this.#shim = shim;
    this.#state = shim.iot_state_address();
  }

  #refresh(): void {
    const { buffer } = this.#shim.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer, this.#state, STATE_WORDS);
    this.#fuel = new Float64Array(buffer, this.#state, 1);
  }

  /** All of the engine's memory; not to be kept across a call into the engine. */
  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  /** A field of `iot_state`. */
  state(word: (typeof StateWord)[keyof typeof StateWord]): number {
    if (this.#words.length === 0) this.#refresh();
    return this.#words[word] ?? 0;
  }

  get fuelLeft(): number {
    if (this.#fuel.length === 0) this.#refresh();
    return this.#fuel[0] ?? 0;
  }

  /** A view of `length` bytes: valid until the engine's memory may grow. */
  view(pointer: number, length: number): Uint8Array {
    return this.bytes.subarray(pointer, pointer + length);
  }

  /** Bytes of the engine, as the caller's own. */
  copyOut(pointer: number, length: number): Uint8Array {
    const { bytes } = this;
    if (length > LOOP_COPY_BYTES) return bytes.slice(pointer, pointer + length);
    const copy = new Uint8Array(length);
    for (let i = 0; i < length; i++) copy[i] = bytes[pointer + i] as number;
    return copy;
  }

  /** The low 32 bits of some 64-bit slots, as wasm3 keeps arguments; signed. */
  slots(pointer: number, count: number): number[] {
    const view = new DataView(this.bytes.buffer, pointer, count * SLOT_BYTES);
    return Array.from({ length: count }, (_, index) => view.getInt32(index * SLOT_BYTES, true));
  }

  text(pointer: number, length: number): string {
    return decoder.decode(this.view(pointer, length));
  }

  /** The C string at an address; '' for the null pointer. */
  cString(pointer: number): string {
    if (pointer === NULL) return '';
    return this.text(pointer, this.bytes.indexOf(0, pointer) - pointer);
  }

  write(pointer: EnginePointer, source: Uint8Array): void {
    const { bytes } = this;
    if (source.length > LOOP_COPY_BYTES) bytes.set(source, pointer);
    else for (let i = 0; i < source.length; i++) bytes[pointer + i] = source[i] as number;
  }

  /** Fills a buffer of the shim; its address, or `NULL` when the engine has no memory left. */
  fill(buffer: HostBuffer, source: Uint8Array): EnginePointer {
    const room = this.#rooms[buffer];
    // Making room may grow the memory, which would detach a source that lies in it.
    const own = source.buffer === this.#shim.memory.buffer ? source.slice() : source;
    if (room.pointer === NULL || own.length > room.capacity) {
      room.pointer = this.#shim.iot_reserve(buffer, own.length);
      room.capacity = own.length;
    }
    if (room.pointer !== NULL) this.write(room.pointer, own);
    return room.pointer;
  }

  /** Copies a module in; the shim takes the block over in `iot_load`. `NULL` when there is no memory left. */
  allocateModule(parts: readonly Uint8Array[]): EnginePointer {
    const pointer = this.#shim.iot_alloc(parts.reduce((sum, part) => sum + part.length, 0));
    if (pointer === NULL) return NULL;
    let at: number = pointer;
    for (const part of parts) {
      this.bytes.set(part, at);
      at += part.length;
    }
    return pointer;
  }
}
