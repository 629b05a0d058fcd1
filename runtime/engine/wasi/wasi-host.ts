import { asIotError, withContext } from '../../base/errors.js';
import { DEFAULT_ACTOR_LIMITS } from '../../base/limits.js';
import type { EngineLimits, GuestClock, GuestHost } from '../engine.js';
import { WASI_IMPORTS } from './functions.js';
import { GuestMemory } from './guest-memory.js';
import { Lines } from './lines.js';
import { machineClock, machineRandom } from './machine.js';
import { type GuestStop, GuestStopped } from './stop.js';

const STDOUT = 1;
const STDERR = 2;
const NS_PER_MS = 1_000_000;
/** What `call` answers when the guest must not go on. */
const STOPPED = -1;

/** WASI for one guest, whatever engine runs it. */
export class WasiHost {
  readonly #clock: GuestClock;
  readonly #random: (into: Uint8Array) => void;
  readonly #outputs: ReadonlyMap<number, Lines>;
  readonly #writeBytes: number;
  readonly #deadlineMs: number;
  #began = 0n;
  /** Why the guest was stopped during the present call. */
  stop: GuestStop | undefined;

  constructor(host: GuestHost, limits: Pick<EngineLimits, 'payloadBytes' | 'deadlineMs'>) {
    const log = (line: string) => {
      try {
        host.log(line);
      } catch {
        // A logger that fails must not take the actor with it.
      }
    };
    this.#clock = host.clock ?? machineClock;
    this.#random = host.random === undefined ? machineRandom : (into) => host.random?.(into);
    this.#outputs = new Map([STDOUT, STDERR].map((fd) => [fd, new Lines(log)]));
    this.#writeBytes = limits.payloadBytes;
    this.#deadlineMs = limits.deadlineMs ?? DEFAULT_ACTOR_LIMITS.deadlineMs;
  }

  /** Before each entry into the guest: the time it may sleep counts from here. */
  begin(): void {
    this.stop = undefined;
    this.#began = this.#clock.monotonic();
  }

  /** After each entry into the guest: what it wrote without a newline is logged. Never throws. */
  end(): void {
    for (const lines of this.#outputs.values()) lines.flush();
  }

  /**
   * Function `number` of `WASI_IMPORTS`, with the low 32 bits of its parameters; `bytes` is all of the guest's
   * memory. The errno, or -1 when the guest has to be stopped, for what `stop` says. Never throws.
   */
  call(number: number, args: readonly number[], bytes: Uint8Array): number {
    const entry = WASI_IMPORTS[number];
    if (entry === undefined) return STOPPED;
    try {
      return entry.run(
        {
          memory: new GuestMemory(bytes),
          clock: this.#clock,
          random: this.#random,
          output: (fd) => this.#outputs.get(fd),
          writeBytes: this.#writeBytes,
          remainingMs: () => this.#deadlineMs - Number(this.#clock.monotonic() - this.#began) / NS_PER_MS,
        },
        args,
      );
    } catch (thrown) {
      this.stop = stopOf(thrown, `${entry.module}.${entry.name}`);
      return STOPPED;
    }
  }
}

function stopOf(thrown: unknown, name: string): GuestStop {
  if (thrown instanceof GuestStopped && thrown.stop.kind === 'exit') return thrown.stop;
  const error =
    thrown instanceof GuestStopped && thrown.stop.kind === 'fault'
      ? thrown.stop.error
      : asIotError(thrown, 'E_ENGINE');
  const context = error.code === 'E_TRAP' ? `the actor trapped: ${name}` : name;
  return { kind: 'fault', error: withContext(error, context) };
}
