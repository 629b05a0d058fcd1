/** A small waPC host over V8 that records what a guest asks of it. Only for tests: it has no limits and no fuel. */
export interface HostCall {
  readonly binding: string;
  readonly namespace: string;
  readonly operation: string;
  readonly payload: Uint8Array;
}

export type GuestResult = { ok: true; reply: Uint8Array } | { ok: false; error: string };
/** Bytes are the host's response, a string is its error. */
export type Answer = (call: HostCall) => Uint8Array | string;

interface GuestExports {
  memory: WebAssembly.Memory;
  __guest_call(operationSize: number, payloadSize: number): number;
  wapc_init?(): void;
}

const EMPTY = new Uint8Array(0);
const utf8 = new TextEncoder();

export class WapcHost {
  readonly calls: HostCall[] = [];
  readonly logs: string[] = [];
  answer: Answer = () => EMPTY;
  readonly instance: WebAssembly.Instance;
  readonly #guest: GuestExports;
  #operation = EMPTY;
  #payload: Uint8Array = EMPTY;
  #reply: Uint8Array | undefined;
  #error: string | undefined;
  #hostReply: Uint8Array = EMPTY;
  #hostError: Uint8Array = EMPTY;

  /** `more`: imports besides waPC, by module. */
  constructor(module: Uint8Array, more: Record<string, Record<string, unknown>> = {}) {
    const compiled = new WebAssembly.Module(new Uint8Array(module));
    this.instance = new WebAssembly.Instance(compiled, { ...more, wapc: this.#imports() });
    this.#guest = this.instance.exports as unknown as GuestExports;
  }

  start(): this {
    this.#guest.wapc_init?.();
    return this;
  }

  call(operation: string, payload: Uint8Array = EMPTY): GuestResult {
    this.#operation = utf8.encode(operation);
    this.#payload = payload;
    this.#reply = undefined;
    this.#error = undefined;
    this.#hostReply = EMPTY;
    this.#hostError = EMPTY;
    const ok = this.#guest.__guest_call(this.#operation.length, payload.length);
    if (this.#error !== undefined) return { ok: false, error: this.#error };
    if (ok !== 1) return { ok: false, error: `returned ${ok} without an error` };
    if (this.#reply === undefined) throw new Error(`${operation}: returned 1 without a response`);
    return { ok: true, reply: this.#reply };
  }

  /** The error of a guest that trapped while it was reporting it. */
  get lastError(): string | undefined {
    return this.#error;
  }

  /** Size of the guest's memory in bytes, and its contents. */
  get memory(): Uint8Array {
    return new Uint8Array(this.#guest.memory.buffer);
  }

  #read(at: number, size: number): Uint8Array {
    return new Uint8Array(this.#guest.memory.buffer, at >>> 0, size >>> 0).slice();
  }
  #text(at: number, size: number): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.#read(at, size));
  }
  #write(at: number, bytes: Uint8Array): void {
    this.memory.set(bytes, at >>> 0);
  }

  #imports(): Record<string, (...args: number[]) => unknown> {
    return {
      __guest_request: (operation = 0, payload = 0) => {
        this.#write(operation, this.#operation);
        this.#write(payload, this.#payload);
      },
      __guest_response: (at = 0, size = 0) => {
        this.#reply = this.#read(at, size);
      },
      __guest_error: (at = 0, size = 0) => {
        this.#error = this.#text(at, size);
      },
      __host_call: (bd = 0, bdLen = 0, ns = 0, nsLen = 0, op = 0, opLen = 0, at = 0, size = 0) => {
        const call = {
          binding: this.#text(bd, bdLen),
          namespace: this.#text(ns, nsLen),
          operation: this.#text(op, opLen),
          payload: this.#read(at, size),
        };
        this.calls.push(call);
        const answer = this.answer(call);
        const failed = typeof answer === 'string';
        this.#hostReply = failed ? EMPTY : answer;
        this.#hostError = failed ? utf8.encode(answer) : EMPTY;
        return failed ? 0 : 1;
      },
      __host_response_len: () => this.#hostReply.length,
      __host_response: (at = 0) => this.#write(at, this.#hostReply),
      __host_error_len: () => this.#hostError.length,
      __host_error: (at = 0) => this.#write(at, this.#hostError),
      __console_log: (at = 0, size = 0) => {
        this.logs.push(this.#text(at, size));
      },
    };
  }
}
