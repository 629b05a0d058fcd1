import { IotError } from '../../base/errors.js';
import { Cell, type CellHooks } from './cell.js';
import type { CellProvider } from './protocol.js';

/** The host's cells: a few shared ones, and one for each name that a slot asks for. Threads start when needed. */
export class Cells {
  readonly #engine: WebAssembly.Module;
  readonly #hooks: CellHooks;
  readonly #shared: number;
  readonly #cells = new Map<string, Cell>();
  /** What each new cell must open. */
  readonly #providers = new Map<string, CellProvider>();
  /** Those that end with their last engine. */
  readonly #alone = new Set<Cell>();
  #stopped = false;

  constructor(engine: WebAssembly.Module, shared: number, hooks: CellHooks) {
    this.#engine = engine;
    this.#shared = shared;
    this.#hooks = {
      log: (actor, level, message) => hooks.log(actor, level, message),
      hostCalls: (counts) => hooks.hostCalls?.(counts),
      ended: (cell, why) => {
        if (this.#cells.get(cell.name) === cell) this.#cells.delete(cell.name);
        hooks.ended(cell, why);
      },
      emptied: (cell) => {
        if (!this.#alone.delete(cell)) return;
        this.#cells.delete(cell.name);
        cell.retire();
      },
    };
  }

  /**
   * A cell for a new engine: the named one, else the shared cell with the fewest engines. `besides` is the cell of
   * the module that runs now: where there is another, its successor is compiled there, so that it feels nothing.
   */
  place(named: string | undefined, besides?: Cell): Cell {
    if (named !== undefined) return this.#open(`own-${named}`);
    let best: Cell | undefined;
    for (let index = 0; index < this.#shared; index++) {
      const name = `${index}`;
      const cell = this.#cells.get(name);
      if (cell === undefined) {
        if (best === undefined || best.engines > 0) return this.#open(name);
        continue;
      }
      if (cell === besides && this.#shared > 1) continue;
      if (best === undefined || cell.engines < best.engines) best = cell;
    }
    return best ?? this.#open('0');
  }

  /**
   * A cell for an actor that may call others: its thread sleeps while they work, and must not be the thread that they
   * need. With one thread for each such actor, threads wait for each other exactly as actors do, and a ring of those
   * is refused before it closes: so nothing can wait for ever, however few shared cells there are. `besides` as in
   * `place`. It ends with its last engine.
   */
  placeAlone(actor: string, besides?: Cell): Cell {
    const first = `of-${actor}-0`;
    const busy = besides !== undefined && this.#cells.get(first) === besides;
    const cell = this.#open(busy ? `of-${actor}-1` : first);
    this.#alone.add(cell);
    return cell;
  }

  /** Opens or closes a provider's part in every cell, now and in those to come. */
  async setProvider(id: string, provider: CellProvider | null): Promise<void> {
    if (provider === null) this.#providers.delete(id);
    else this.#providers.set(id, provider);
    await Promise.all([...this.#cells.values()].map((cell) => cell.setProvider(id, provider)));
  }

  /** For good: `place` throws E_NOT_RUNNING from now on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#cells.values()].map((cell) => cell.stop()));
  }

  #open(name: string): Cell {
    const open = this.#cells.get(name);
    if (open !== undefined) return open;
    if (this.#stopped) throw new IotError('E_NOT_RUNNING', 'the host is stopping');
    const cell = new Cell(name, this.#engine, this.#hooks);
    this.#cells.set(name, cell);
    for (const provider of this.#providers.values()) {
      // Until it is open, or when it will not open, its calls take the way through the main thread.
      cell.setProvider(provider.id, provider).catch(() => undefined);
    }
    return cell;
  }
}
