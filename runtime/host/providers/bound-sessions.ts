import type { Deliver, Provider, Session } from '../../base/contract.js';
import { asIotError, withContext } from '../../base/errors.js';
import { SessionMap, sessionName } from '../../base/sessions.js';

interface Bound {
  readonly session: Session;
  readonly deliver: Deliver;
  /** Nobody is in charge of it: its actor is down. */
  down: boolean;
}

/** The bindings of one place, with their grants: whatever provider stands in it gets them all. */
export class BoundSessions {
  readonly #sessions = new SessionMap<Bound>();

  get size(): number {
    return this.#sessions.values().length;
  }

  /** Throws what the provider throws; the binding before it, if there was one, then still stands. */
  async bind(provider: Provider | undefined, session: Session, deliver: Deliver): Promise<void> {
    const before = this.#sessions.get(session);
    this.#sessions.set(session, { session, deliver, down: before?.down ?? false });
    try {
      await provider?.bind(session, deliver);
    } catch (thrown) {
      if (before === undefined) {
        this.#sessions.delete(session);
        await quietly(provider?.unbind(session));
      } else {
        this.#sessions.set(session, before);
        await quietly(provider?.bind(before.session, before.deliver));
      }
      throw thrown;
    }
  }

  async unbind(provider: Provider | undefined, session: Session): Promise<void> {
    this.#sessions.delete(session);
    await provider?.unbind(session);
  }

  /** Whether nobody is in charge of a session. */
  isDown(session: Session): boolean {
    return this.#sessions.get(session)?.down === true;
  }

  setDown(session: Session, down: boolean): void {
    const bound = this.#sessions.get(session);
    if (bound !== undefined) bound.down = down;
  }

  /** Gives them all to a provider, which is told of those whose actor is down. Throws E_PROVIDER naming the session. */
  async giveTo(provider: Provider): Promise<void> {
    for (const { session, deliver, down } of this.#sessions.values()) {
      try {
        await provider.bind(session, deliver);
        if (down) await provider.standDown?.(session);
      } catch (thrown) {
        throw withContext(asIotError(thrown, 'E_PROVIDER'), `binding of ${sessionName(session)}`);
      }
    }
  }
}

async function quietly(work: Promise<void> | undefined): Promise<void> {
  await work?.catch(() => undefined);
}
