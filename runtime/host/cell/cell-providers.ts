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
    const implementation: Implementation<unknown, unknown> | undefined =
      provider.implementation === undefined
        ? undefined
        : await contract.loadImplementation(provider.implementation);
    if (this.#versions.get(id) !== version) return;
    const { dataDir, settings, shared } = provider;
    const instance = implementation?.createInCell?.(settings, { dataDir, shared, log: this.#log }) ?? {};
    this.#locals.set(id, {
      contract,
      provider: instance as { close?(): void },
      operations: new Set(implementation?.cellOperations),
    });
  }

  /** Whether that is acceptable and the actor need not wait for it. */
  isOneWay(actor: string, binding: CellBinding, operation: string, payload: Uint8Array): boolean {
    const local = this.#locals.get(binding.provider);
    if (local?.contract.hasOneWay !== true) return false;
    try {
      return local.contract.isOneWay(
        { actor, binding: binding.name, grant: binding.grant },
        operation,
        payload,
      );
    } catch {
      // The main thread says what is wrong with it.
      return false;
    }
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
