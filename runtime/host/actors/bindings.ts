import { decodePayload, encodePayload } from '../../base/codec.js';
import type { BindingConfig } from '../../base/config/schema.js';
import type { Deliver, Resource, Session } from '../../base/contract.js';
import { asIotError, withContext } from '../../base/errors.js';
import type { CellBinding } from '../cell/protocol.js';
import type { ProviderSlot } from '../providers/provider-slot.js';
import type { Providers } from '../providers/providers.js';

export interface Bound {
  readonly contract: string;
  readonly session: Session;
  readonly provider: ProviderSlot;
  readonly resources: readonly Resource[];
}

/** Hands encoded messages to the actor, if it claims the contract that they come through. */
export type DeliverBytes = (contract: string, operation: string, payload: Uint8Array) => Promise<Uint8Array>;

/** The bindings of one slot: (contract, binding name) → provider, with what is granted there. */
export class Bindings {
  readonly #actor: string;
  readonly #providers: Providers;
  readonly #deliver: DeliverBytes;
  readonly #bound = new Map<string, Bound>();

  constructor(actor: string, providers: Providers, deliver: DeliverBytes) {
    this.#actor = actor;
    this.#providers = providers;
    this.#deliver = deliver;
  }

  list(): Bound[] {
    return [...this.#bound.values()];
  }

  find(contract: string, name: string): Bound | undefined {
    return this.#bound.get(`${contract}/${name}`);
  }

  /** Checks the grant and binds; replaces a binding of the same contract and name. Throws E_CONFIG. */
  async add(config: BindingConfig): Promise<void> {
    const { contract: id, name, ...settings } = config;
    const { contract } = this.#providers.contract(id);
    const context = `binding of ${this.#actor} to ${id}`;
    const grant = inContext(context, () => contract.parseGrant(settings));
    const provider = await this.#providers.findOrAdd(id, name);
    const session: Session = { actor: this.#actor, binding: name, grant };
    const deliver: Deliver = async (operation, message) => {
      const reply = await this.#deliver(id, operation, encodePayload(contract.codec, message));
      return decodePayload(contract.codec, reply);
    };
    try {
      await provider.bind(session, deliver);
    } catch (thrown) {
      throw withContext(asIotError(thrown, 'E_PROVIDER'), context);
    }
    this.#bound.set(`${id}/${name}`, {
      contract: id,
      session,
      provider,
      resources: contract.resources(grant),
    });
  }

  /** What a cell may know: bindings whose contract the module claims. */
  forCell(capabilities: readonly string[]): CellBinding[] {
    return this.list()
      .filter(({ contract }) => capabilities.includes(contract))
      .map(({ contract, session, provider }) => {
        return { contract, name: session.binding, grant: session.grant, provider: provider.id };
      });
  }

  /** Opens a new generation of registrations everywhere; the result drops what the new code did not renew. */
  renew(): () => Promise<void> {
    const drops = this.list().map(({ provider, session }) => provider.renew(session));
    return async () => {
      await Promise.all(drops.map((drop) => drop()));
    };
  }

  /** Nobody is in charge of what the bindings hold until the next `renew`. */
  async standDown(): Promise<void> {
    await Promise.all(this.list().map(({ provider, session }) => provider.standDown(session)));
  }

  /** Takes the grant away at once; resolves when the provider has let go of everything. False when there is none. */
  async remove(contract: string, name: string): Promise<boolean> {
    const bound = this.find(contract, name);
    if (bound === undefined) return false;
    this.#bound.delete(`${contract}/${name}`);
    await bound.provider.unbind(bound.session);
    return true;
  }

  async removeAll(): Promise<void> {
    const bound = this.list();
    this.#bound.clear();
    await Promise.allSettled(bound.map(({ provider, session }) => provider.unbind(session)));
  }
}

function inContext<T>(context: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw withContext(asIotError(thrown), context);
  }
}
