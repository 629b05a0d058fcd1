import { IotError } from '../../base/errors.js';
import { callAliasOf } from '../../trust/wascap/index.js';
import type { CheckedModule } from '../update.js';

/** An actor as another one reaches it. */
export interface Callee {
  /** Name of its slot. */
  readonly name: string;
  readonly module: CheckedModule | undefined;
  /** One message whose sender waits `waitMs` for the reply. Rejects as `Deliver` says, and with E_TIMEOUT. */
  callWithin(operation: string, payload: Uint8Array, waitMs: number): Promise<Uint8Array>;
}

/** One host call whose namespace names an actor. */
export interface ActorCall {
  readonly namespace: string;
  readonly operation: string;
  readonly payload: Uint8Array;
  /** Milliseconds for which the caller waits for the answer. */
  readonly waitMs: number;
}

/** What host calls to actors are counted under. */
export const ACTOR_CALLS = 'actor';

const MODULE_KEY = /^M[A-Z2-7]{55}$/;

/**
 * Whether a namespace, or a capability in claims, stands for an actor: its key, or the call alias of its claims. A
 * contract's id has a colon in it and an alias never counts with one: no actor can put itself in a contract's place.
 */
export function namesActor(id: string): boolean {
  return MODULE_KEY.test(id) || !id.includes(':');
}

/**
 * Calls from actor to actor. Each actor does one call at a time and waits for at most one other, so who waits for
 * whom is a map; a call that would close a ring in it could never end and is refused at once. That map is the whole
 * truth only because an actor that may call others has a thread of its own (`Cells.placeAlone`): while it waits,
 * nobody else's thread does.
 */
export class ActorCalls {
  readonly #actors: () => Iterable<Callee>;
  /** By the caller's name. */
  readonly #waits = new Map<string, { readonly target: string }>();

  constructor(actors: () => Iterable<Callee>) {
    this.#actors = actors;
  }

  /** How many actors wait for another one right now. */
  get waiting(): number {
    return this.#waits.size;
  }

  /**
   * One host call of `caller` to the actor that its namespace names; its binding is of no meaning. The target's limits
   * hold, and no answer is waited for beyond `call.waitMs`. Rejects with E_NOT_CLAIMED, E_NO_ACTOR, E_CYCLE,
   * E_TIMEOUT or as the target does.
   */
  async call(caller: string, capabilities: readonly string[], call: ActorCall): Promise<Uint8Array> {
    const { namespace, operation, payload, waitMs } = call;
    const what = `${caller}: ${namespace} ${operation}`;
    const found = this.#find(namespace);
    const [target] = found;
    if (found.some(({ name }) => name === caller)) throw cycle([caller, caller], what);
    if (!isClaimed(capabilities, namespace, target)) {
      const hint = `sign the module with --cap ${namespace}`;
      throw new IotError('E_NOT_CLAIMED', `${what}: its claims do not ask for ${namespace}`, { hint });
    }
    if (target === undefined)
      throw new IotError('E_NO_ACTOR', `${what}: there is no actor ${namespace} here`);
    if (found.length > 1) {
      const names = found.map(({ name }) => name).join(' and ');
      const hint = 'call it by its key';
      throw new IotError('E_NO_ACTOR', `${what}: ${namespace} could be ${names}`, { hint });
    }
    const ring = this.#ring(caller, target.name);
    if (ring !== undefined) throw cycle(ring, what);
    const wait = { target: target.name };
    this.#waits.set(caller, wait);
    try {
      return await target.callWithin(operation, payload, waitMs);
    } finally {
      // Unless the caller has given up, and waits for another one by now.
      if (this.#waits.get(caller) === wait) this.#waits.delete(caller);
    }
  }

  /** The engine of that actor has ended: whatever it waited for, it does not wait any more. */
  forget(caller: string): void {
    this.#waits.delete(caller);
  }

  #find(namespace: string): Callee[] {
    const actors = [...this.#actors()];
    if (MODULE_KEY.test(namespace)) {
      const found = actors.find(({ module }) => module?.key === namespace);
      return found === undefined ? [] : [found];
    }
    const alias = callAliasOf(namespace);
    if (alias === '') return [];
    return actors.filter(
      ({ module }) => module?.callAlias !== undefined && callAliasOf(module.callAlias) === alias,
    );
  }

  /** From the target back to it, if it waits for the caller, be it through others. */
  #ring(caller: string, target: string): string[] | undefined {
    const ring = [target];
    for (let at = this.#waits.get(target); at !== undefined; at = this.#waits.get(at.target)) {
      ring.push(at.target);
      if (at.target === caller) return [...ring, target];
    }
    return undefined;
  }
}

function isClaimed(capabilities: readonly string[], namespace: string, target: Callee | undefined): boolean {
  if (capabilities.includes(namespace)) return true;
  if (target?.module !== undefined && capabilities.includes(target.module.key)) return true;
  return (
    !MODULE_KEY.test(namespace) &&
    capabilities.some((id) => namesActor(id) && callAliasOf(id) === callAliasOf(namespace))
  );
}

function cycle(ring: readonly string[], what: string): IotError {
  return new IotError('E_CYCLE', `${what}: call cycle: ${ring.join(' → ')}`, {
    hint: 'an actor cannot be called while it waits for its caller',
  });
}
