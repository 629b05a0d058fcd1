import type { Contract, Implementation, Session } from '../../base/contract.js';
import { asIotError, type IotError } from '../../base/errors.js';
import type { LogLevel } from '../../base/logger.js';
import type { CellBinding, CellProvider } from './protocol.js';

interface Local {
  readonly contract: Contract;
  readonly provider: { close?(): void };
  readonly operations: ReadonlySet<string>;
}

/** Provider parts that answer in this thread, without a round trip: what `createInCell` made. */
export class CellProviders {
  readonly #locals = new Map<string, Local>();
  /** Counts changes by id, so that a slow load cannot overtake a later removal. */
  readonly #versions = new Map<string, number>();
  readonly #log: (actor: string, level: LogLevel, message: string) => void;

  constructor(log: (actor: string, level: LogLevel, message: string) => void) {
    this.#log = log;
  }

  /** Closes what runs under `id`, then opens `provider` if one is given. */
  async set(id: string, provider: CellProvider | null): Promise<void> {
    const version = (this.#versions.get(id) ?? 0) + 1;
    this.#versions.set(id, version);
    const open = this.#locals.get(id);
    // Whatever closing comes to: it answers nobody any more.
    this.#locals.delete(id);
    open?.provider.close?.();
    if (provider === null) return;
    const { default: contract } = (await import(provider.contractUrl)) as { default: Contract };
    const implementation: Implementation<unknown, unknown> = await contract.loadImplementation(
      provider.implementation,
    );
    if (implementation.createInCell === undefined || this.#versions.get(id) !== version) return;
    const { dataDir } = provider;
    const instance = implementation.createInCell(provider.settings, { dataDir, log: this.#log }) as {
      close?(): void;
    };
    this.#locals.set(id, {
      contract,
      provider: instance,
      operations: new Set(implementation.cellOperations),
    });
  }

  /** `undefined`: not answered here, ask the main thread. */
  perform(
    actor: string,
    binding: CellBinding,
    operation: string,
    payload: Uint8Array,
  ): Uint8Array | IotError | undefined {
    const local = this.#locals.get(binding.provider);
    if (local === undefined || !local.operations.has(operation)) return undefined;
    const session: Session = { actor, binding: binding.name, grant: binding.grant };
    try {
      const answer = local.contract.handle(local.provider, session, operation, payload);
      return answer instanceof Promise ? undefined : answer;
    } catch (thrown) {
      return asIotError(thrown, 'E_PROVIDER');
    }
  }
}
