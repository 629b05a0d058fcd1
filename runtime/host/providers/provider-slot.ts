import type {
  Contract,
  Deliver,
  Implementation,
  Provider,
  ProviderEnv,
  Session,
} from '../../base/contract.js';
import { asIotError, IotError, withContext } from '../../base/errors.js';
import { SessionMap, sessionName } from '../../base/sessions.js';
import type { ProviderStatus } from '../../control/protocol/messages.js';
import type { CellProvider } from '../cell/protocol.js';
import { Gate } from '../gate.js';

export interface ProviderSlotParts {
  readonly contract: Contract;
  readonly contractUrl: string;
  readonly name: string;
  readonly env: ProviderEnv;
  /** Opens or closes the part that runs inside the cells. */
  setInCells(id: string, provider: CellProvider | null): Promise<void>;
}

interface Running {
  readonly implementation: string;
  readonly settings: unknown;
  readonly module: Implementation<Provider>;
  readonly provider: Provider;
}

/** How long host calls that are under way may take before a provider is taken from under them, in milliseconds. */
const DRAIN_MS = 2_000;

/**
 * The place of one provider: (contract, name). Bindings belong to the place, so that whatever implementation stands
 * in it gets them all, with their grants. While the implementation changes, calls wait; without one, they get an
 * error that the actor can handle.
 */
export class ProviderSlot {
  readonly id: string;
  readonly contract: Contract;
  readonly name: string;
  readonly #parts: ProviderSlotParts;
  readonly #gate = new Gate();
  readonly #sessions = new SessionMap<{ session: Session; deliver: Deliver }>();
  #running: Running | undefined;
  #last: { implementation: string; settings: unknown };
  /** What a provider that does not outlive its `stop` had stored, kept for its successor. */
  #parked: unknown;
  #failure: IotError | undefined;
  #changing: Promise<unknown> = Promise.resolve();

  constructor(parts: ProviderSlotParts, use: string | undefined, settings: unknown) {
    this.#parts = parts;
    this.contract = parts.contract;
    this.name = parts.name;
    this.id = `${parts.contract.id}/${parts.name}`;
    this.#last = { implementation: use ?? parts.contract.defaultImplementation, settings };
  }

  get provider(): Provider | undefined {
    return this.#running?.provider;
  }

  status(): ProviderStatus {
    const problem = this.problem();
    return {
      contract: this.contract.id,
      name: this.name,
      implementation: this.#running?.implementation ?? this.#last.implementation,
      state: this.#running !== undefined ? 'running' : this.#failure !== undefined ? 'failed' : 'removed',
      bindings: this.#sessions.values().length,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  /** What keeps bound actors from using it; `undefined` when all is well. */
  problem(): string | undefined {
    const what = this.name === 'default' ? this.contract.id : this.id;
    if (this.#running === undefined) {
      const why = this.#failure === undefined ? '' : `: ${this.#failure.message}`;
      return `no provider for ${what} is running${why}`;
    }
    const problem = this.#running.provider.problem?.();
    return problem === undefined ? undefined : `${what}: ${problem}`;
  }

  async bind(session: Session, deliver: Deliver): Promise<void> {
    this.#sessions.set(session, { session, deliver });
    await this.#running?.provider.bind(session, deliver);
  }

  async unbind(session: Session): Promise<void> {
    this.#sessions.delete(session);
    await this.#running?.provider.unbind(session);
  }

  renew(session: Session): () => Promise<void> {
    return this.#running?.provider.renew?.(session) ?? (async () => undefined);
  }

  /** One host call. Throws E_NO_PROVIDER, or what the contract and the provider throw. */
  perform(session: Session, operation: string, payload: Uint8Array): Promise<Uint8Array> {
    return this.#gate.run(() => {
      if (this.#running === undefined) {
        const hint = `iot-host providers start ${this.contract.id}`;
        throw new IotError('E_NO_PROVIDER', this.problem() ?? this.id, { hint });
      }
      return this.contract.handle(this.#running.provider, session, operation, payload);
    });
  }

  /** Starts the last implementation again (or for the first time); nothing to do when it runs. */
  start(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#running !== undefined) return;
      const { implementation, settings } = this.#last;
      await this.#enter(await this.#create(implementation, settings), this.#parked);
    });
  }

  /** Takes the provider away while actors run. What it had stored is kept for whoever comes next. */
  remove(): Promise<void> {
    return this.#exclusively(async () => {
      const running = this.#running;
      if (running === undefined) return;
      await this.#pause();
      try {
        const { provider } = running;
        this.#parked = provider.durable === true ? undefined : await provider.exportState?.();
        this.#running = undefined;
        this.#failure = undefined;
        await provider.stop();
      } finally {
        this.#gate.open();
      }
    });
  }

  /** Puts another implementation in its place: bindings and stored values move, the old one returns if it fails. */
  swap(to: string, settings: unknown): Promise<void> {
    return this.#exclusively(async () => {
      const before = this.#running;
      if (before === undefined) return this.#swapStopped(to, settings);
      if (before.implementation === to) return this.#restart(before, settings);
      const next = await this.#create(to, settings);
      await this.#pause();
      try {
        const state = await before.provider.exportState?.();
        await this.#enter(next, state);
      } catch (thrown) {
        await quietly(next.provider.stop());
        this.#running = before;
        this.#openInCells(before);
        throw withContext(asIotError(thrown, 'E_PROVIDER'), `${this.id} stays with ${before.implementation}`);
      } finally {
        this.#gate.open();
      }
      await quietly(before.provider.stop());
    });
  }

  stop(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#pause();
      const running = this.#running;
      this.#running = undefined;
      await running?.provider.stop();
      this.#gate.open();
    });
  }

  /** From stopped: what the former implementation had stored is carried over, if it can be had. */
  async #swapStopped(to: string, settings: unknown): Promise<void> {
    let state = this.#parked;
    const { implementation } = this.#last;
    if (state === undefined && implementation !== to) {
      const former = await this.#create(implementation, this.#last.settings).catch(() => undefined);
      state = await former?.provider.exportState?.();
      await former?.provider.stop();
    }
    await this.#enter(await this.#create(to, settings), state);
  }

  /** The same implementation with other settings cannot run beside itself: a port or a file would be busy. */
  async #restart(before: Running, settings: unknown): Promise<void> {
    await this.#pause();
    try {
      const state = before.provider.durable === true ? undefined : await before.provider.exportState?.();
      this.#running = undefined;
      await before.provider.stop();
      try {
        await this.#enter(await this.#create(before.implementation, settings), state);
      } catch (thrown) {
        await this.#enter(await this.#create(before.implementation, before.settings), state);
        throw thrown;
      }
    } finally {
      this.#gate.open();
    }
  }

  async #create(implementation: string, settings: unknown): Promise<Running> {
    try {
      const module = await this.contract.loadImplementation(implementation);
      const checked = module.settings.safeParse(settings ?? {});
      if (!checked.success) {
        const issue = checked.error.issues[0];
        const where = issue?.path.join('.') || 'settings';
        throw new IotError(
          'E_CONFIG',
          `${this.id} ${implementation}: ${where}: ${issue?.message ?? 'not valid'}`,
        );
      }
      const provider = module.create(checked.data, this.#parts.env);
      await provider.start(AbortSignal.timeout(10_000));
      return { implementation, settings: checked.data, module, provider };
    } catch (thrown) {
      const failure = withContext(asIotError(thrown, 'E_PROVIDER'), `${this.id} (${implementation})`);
      if (this.#running === undefined) this.#failure = failure;
      throw failure;
    }
  }

  /** State first, then every binding with its grant, then the cells. */
  async #enter(next: Running, state: unknown): Promise<void> {
    if (state !== undefined) await next.provider.importState?.(state);
    for (const { session, deliver } of this.#sessions.values()) {
      try {
        await next.provider.bind(session, deliver);
      } catch (thrown) {
        throw withContext(asIotError(thrown, 'E_PROVIDER'), `binding of ${sessionName(session)}`);
      }
    }
    this.#running = next;
    this.#last = { implementation: next.implementation, settings: next.settings };
    this.#failure = undefined;
    this.#parked = undefined;
    this.#openInCells(next);
  }

  /** Not waited for: until a cell has opened its part, its calls take the way through the main thread. */
  #openInCells({ implementation, module, settings }: Running): void {
    if (module.createInCell === undefined) return;
    const { contractUrl, env } = this.#parts;
    const part = { id: this.id, contractUrl, implementation, settings, dataDir: env.dataDir };
    this.#parts.setInCells(this.id, part).catch((thrown: unknown) => {
      env.logger.warn(`${this.id} does not run inside its cells: ${asIotError(thrown).message}`);
    });
  }

  /**
   * After this nobody is in the provider: not from the main thread, not from a cell. Cells first, while the gate is
   * still open: a cell that waits at the gate could not say that it has closed its part.
   */
  async #pause(): Promise<void> {
    await this.#parts.setInCells(this.id, null);
    await this.#gate.close(DRAIN_MS);
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#changing.then(work);
    this.#changing = result.catch(() => undefined);
    return result;
  }
}

async function quietly(work: Promise<void>): Promise<void> {
  await work.catch(() => undefined);
}
