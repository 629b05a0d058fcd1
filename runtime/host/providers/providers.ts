import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from '../../base/board.js';
import type { ProviderConfig } from '../../base/config/schema.js';
import type { Contract } from '../../base/contract.js';
import { IotError, logFields } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { BrokerAccess } from '../../base/mqtt/connection.js';
import type { ProviderStatus } from '../../control/protocol/messages.js';
import type { CellProvider } from '../cell/protocol.js';
import type { HostClock } from '../clock.js';
import { ProviderSlot } from './provider-slot.js';

export interface ProvidersParts {
  /** Every contract there is, by id, with the URL of the module that exports it. */
  readonly contracts: ReadonlyMap<string, { readonly contract: Contract; readonly url: string }>;
  readonly device: string;
  readonly dataDir: string;
  readonly brokerUrl: string;
  readonly brokerAccess?: BrokerAccess | undefined;
  readonly board: Board;
  readonly logger: Logger;
  /** Default: that of the machine. */
  readonly clock?: HostClock | undefined;
  setInCells(id: string, provider: CellProvider | null): Promise<void>;
}

/** All providers of the host, by contract and name. */
export class Providers {
  readonly #parts: ProvidersParts;
  readonly #slots = new Map<string, ProviderSlot>();
  /** Default providers that are being added: two bindings at once must not make two of them. */
  readonly #adding = new Map<string, Promise<ProviderSlot>>();

  constructor(parts: ProvidersParts) {
    this.#parts = parts;
  }

  /**
   * Starts one; a provider that will not start is a problem that `/readyz` shows, not the end of the host, and is tried
   * again until it does. `placed` says in the log where its settings stand.
   */
  async add(
    config: ProviderConfig,
    placed = async (error: IotError): Promise<IotError> => error,
  ): Promise<ProviderSlot> {
    const { contract: id, use, name, ...settings } = config;
    const slot = await this.#make(id, name, use, settings);
    await slot.startAndRetry().catch(async (error: IotError) => {
      const told = await placed(error);
      const fields = { ...logFields(told), contract: id };
      for (const line of told.message.split('\n')) this.#parts.logger.error(line, fields);
    });
    return slot;
  }

  /** Where calls of a binding go: the provider of the binding's name, else the contract's default provider. */
  find(contract: string, binding: string): ProviderSlot | undefined {
    return this.#slots.get(`${contract}/${binding}`) ?? this.#slots.get(`${contract}/default`);
  }

  /** As `find`; a contract that nobody configured gets its default implementation. */
  async findOrAdd(contract: string, binding: string): Promise<ProviderSlot> {
    const found = this.find(contract, binding);
    if (found !== undefined) return found;
    const adding =
      this.#adding.get(contract) ??
      this.add({ contract, name: 'default' }).finally(() => this.#adding.delete(contract));
    this.#adding.set(contract, adding);
    return adding;
  }

  /** Throws E_NOT_FOUND naming what there is. */
  get(contract: string, name = 'default'): ProviderSlot {
    const slot = this.#slots.get(`${contract}/${name}`);
    if (slot !== undefined) return slot;
    const known = [...this.#slots.keys()].join(', ') || 'none';
    throw new IotError('E_NOT_FOUND', `there is no provider ${contract}/${name} here`, {
      hint: `providers: ${known}`,
    });
  }

  /** Throws E_CONFIG for a contract that this host does not know. */
  contract(id: string): { contract: Contract; url: string } {
    const found = this.#parts.contracts.get(id);
    if (found !== undefined) return found;
    const known = [...this.#parts.contracts.keys()].join(', ');
    throw new IotError('E_CONFIG', `this host has no contract ${id}`, { hint: `it knows: ${known}` });
  }

  contracts(): { id: string; summary: string; implementations: string[] }[] {
    return [...this.#parts.contracts.values()].map(({ contract }) => ({
      id: contract.id,
      summary: contract.summary,
      implementations: [...contract.implementations],
    }));
  }

  list(): ProviderStatus[] {
    return [...this.#slots.values()].map((slot) => slot.status());
  }

  problems(): string[] {
    return [...this.#slots.values()].flatMap((slot) => slot.problem() ?? []);
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#slots.values()].map((slot) => slot.stop()));
  }

  async #make(id: string, name: string, use: string | undefined, settings: unknown): Promise<ProviderSlot> {
    const { contract, url } = this.contract(id);
    const { device, brokerUrl, brokerAccess, board, logger, clock, setInCells } = this.#parts;
    const dataDir = join(this.#parts.dataDir, 'providers', id.replace(':', '-'), name);
    await mkdir(dataDir, { recursive: true });
    const env = { device, dataDir, brokerUrl, brokerAccess, board, logger: logger.child({ contract: id }) };
    const slot = new ProviderSlot(
      { contract, contractUrl: url, name, env, clock, setInCells },
      use,
      settings,
    );
    this.#slots.set(slot.id, slot);
    return slot;
  }
}
