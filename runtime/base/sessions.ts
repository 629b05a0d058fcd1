import type { MaybePromise, Session } from './contract.js';

/** Values kept per actor and binding; the grant and the object's identity play no part. */
export class SessionMap<T> {
  readonly #items = new Map<string, [Session, T]>();

  get(session: Session): T | undefined {
    return this.#items.get(keyOf(session))?.[1];
  }

  set(session: Session, value: T): void {
    this.#items.set(keyOf(session), [session, value]);
  }

  delete(session: Session): T | undefined {
    const value = this.get(session);
    this.#items.delete(keyOf(session));
    return value;
  }

  clear(): void {
    this.#items.clear();
  }

  values(): T[] {
    return this.entries().map(([, value]) => value);
  }

  /** Each with the session it was set with. */
  entries(): [Session, T][] {
    return [...this.#items.values()];
  }
}

/** How a session is named in messages: `blink`, or `blink (binding outside)`. */
export function sessionName(session: Session): string {
  return session.binding === 'default' ? session.actor : `${session.actor} (binding ${session.binding})`;
}

function keyOf({ actor, binding }: Session): string {
  return JSON.stringify([actor, binding]);
}

/** What one session has registered, by id, so that `Provider.renew` can tell the new code's from the old code's. */
export class Registrations<R> {
  readonly #items = new Map<string, { value: R; generation: number }>();
  #generation = 0;

  get size(): number {
    return this.#items.size;
  }

  get(id: string): R | undefined {
    return this.#items.get(id)?.value;
  }

  /** Registers or renews. */
  set(id: string, value: R): void {
    this.#items.set(id, { value, generation: this.#generation });
  }

  delete(id: string): R | undefined {
    const value = this.get(id);
    this.#items.delete(id);
    return value;
  }

  entries(): [string, R][] {
    return [...this.#items].map(([id, { value }]) => [id, value]);
  }

  /** Begins a new generation; the returned function drops whatever was last set before it. */
  renew(drop: (id: string, value: R) => MaybePromise<void>): () => Promise<void> {
    this.#generation += 1;
    const current = this.#generation;
    return async () => {
      for (const [id, { value, generation }] of [...this.#items]) {
        if (generation >= current) continue;
        this.#items.delete(id);
        await drop(id, value);
      }
    };
  }
}
