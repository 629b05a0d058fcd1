import { asIotError, IotError } from '../../base/errors.js';
import type { EngineLimits, GuestHost } from '../engine.js';
import { abortText, traceText } from '../env.js';
import { DEFAULT_BINDING, hostErrorText } from '../wapc.js';
import { type GuestStop, WasiHost } from '../wasi/index.js';
import type { EngineMemory } from './memory.js';
import { Buffer, NULL, type ShimImports } from './shim.js';

interface Names {
  readonly binding: string;
  readonly namespace: string;
  readonly operation: string;
}

const encoder = new TextEncoder();

/** The imports of one engine, bound to one actor's host. Nothing of it throws: that would break the engine. */
export class HostSide {
  readonly #memory: () => EngineMemory;
  readonly #host: GuestHost;
  readonly #payloadBytes: number;
  readonly #names: Names[] = [];
  readonly #wasi: WasiHost;
  /** What the guest gave `env.abort` during the present call. */
  aborted: string | undefined;

  constructor(memory: () => EngineMemory, host: GuestHost, limits: EngineLimits) {
    this.#memory = memory;
    this.#host = host;
    this.#payloadBytes = limits.payloadBytes;
    this.#wasi = new WasiHost(host, limits);
  }

  /** Why WASI stopped the guest during the last run, if it did. */
  get stop(): GuestStop | undefined {
    return this.#wasi.stop;
  }

  /** Around each run of a guest that imports WASI. */
  begin(): void {
    this.#wasi.begin();
  }
  end(): void {
    this.#wasi.end();
  }

  imports(): ShimImports {
    return {
      host_call: (
        id,
        binding,
        bindingLength,
        space,
        spaceLength,
        operation,
        operationLength,
        payload,
        length,
      ) => {
        let names = this.#names[id];
        if (names === undefined) {
          const memory = this.#memory();
          names = {
            binding: memory.text(binding, bindingLength) || DEFAULT_BINDING,
            namespace: memory.text(space, spaceLength),
            operation: memory.text(operation, operationLength),
          };
          if (id >= 0) this.#names[id] = names;
        }
        return this.#answer(names, payload, length);
      },
      log: (text, length) => this.#log(() => this.#memory().text(text, length)),
      abort: (message, messageBytes, file, fileBytes, line, column) => {
        const memory = this.#memory();
        this.aborted = abortText(
          memory.view(message, messageBytes),
          memory.view(file, fileBytes),
          line,
          column,
        );
      },
      trace: (message, messageBytes, count, ...values) =>
        this.#log(() => traceText(this.#memory().view(message, messageBytes), count, values)),
      wasi: (number, args, count, guestMemory, guestBytes) => {
        const memory = this.#memory();
        return this.#wasi.call(number, memory.slots(args, count), memory.view(guestMemory, guestBytes));
      },
    };
  }

  #log(text: () => string): void {
    try {
      this.#host.log(text());
    } catch {
      // A logger that fails must not take the actor with it.
    }
  }

  /** Length of the response, or -1 - length of the error text, put into the host buffer. */
  #answer(names: Names, payload: number, length: number): number {
    const reply = this.#call(names, payload, length);
    if (reply instanceof IotError) return this.#fail(reply);
    // Read now: a reply that lies in the engine's memory is detached when making room for it grows that memory.
    const { length: replyLength } = reply;
    if (this.#memory().fill(Buffer.host, reply) !== NULL) return replyLength;
    return this.#fail(new IotError('E_MEMORY', `no room for a reply of ${replyLength} bytes`));
  }

  #fail(error: IotError): number {
    const text = encoder.encode(hostErrorText(error));
    const kept = this.#memory().fill(Buffer.host, text) === NULL ? 0 : text.length;
    return -1 - kept;
  }

  #call({ binding, namespace, operation }: Names, payload: number, length: number): Uint8Array | IotError {
    const limit = this.#payloadBytes;
    if (length > limit)
      return new IotError('E_PAYLOAD', `payload of ${length} bytes is above the limit of ${limit}`);
    try {
      const view = this.#memory().view(payload, length);
      const reply = this.#host.hostCall(binding, namespace, operation, view);
      if (reply instanceof IotError || reply.length <= limit) return reply;
      return new IotError('E_PAYLOAD', `reply of ${reply.length} bytes is above the limit of ${limit}`);
    } catch (thrown) {
      return asIotError(thrown);
    }
  }
}
