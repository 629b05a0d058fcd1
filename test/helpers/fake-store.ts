import { z } from 'zod';
import {
  type Contract,
  type Deliver,
  defineContract,
  operation,
  type Provider,
  type Session,
} from '#runtime/base/contract.js';

/** Which of its steps the next providers fail at or hang in, by implementation name. */
export interface Plan {
  failAt?: 'start' | 'stop' | 'bind' | 'export' | 'import' | 'drop' | undefined;
  hangAt?: 'stop' | 'add' | undefined;
  /** What `add` throws. */
  refusal?: Error;
  /** Default: no. */
  takesOver?: boolean;
}

export class FakeStore implements Provider {
  bound = new Map<string, unknown>();
  value = 0;
  running = false;
  renewals = 0;
  drops = 0;
  readonly waiting: (() => void)[] = [];

  constructor(
    readonly name: string,
    readonly plan: Plan,
  ) {}

  #step(at: Plan['failAt']): void {
    if (this.plan.failAt === at) throw new Error(`${this.name} fails at ${at}`);
  }

  async start(): Promise<void> {
    this.running = true;
    this.#step('start');
  }

  async stop(): Promise<void> {
    if (this.plan.hangAt === 'stop') await new Promise(() => undefined);
    this.running = false;
    this.#step('stop');
  }

  async bind(session: Session, _deliver?: Deliver): Promise<void> {
    this.#step('bind');
    const { refuse } = session.grant as { refuse?: boolean };
    if (refuse === true) throw new Error('refused');
    this.bound.set(session.actor, session.grant);
  }

  async unbind(session: Session): Promise<void> {
    this.bound.delete(session.actor);
  }

  renew(): () => Promise<void> {
    this.renewals += 1;
    return async () => {
      this.drops += 1;
      this.#step('drop');
    };
  }

  async exportState(): Promise<unknown> {
    this.#step('export');
    return this.value;
  }

  async importState(state: unknown): Promise<void> {
    this.#step('import');
    this.value = state as number;
  }

  get takeOver(): ((from: Provider) => void) | undefined {
    if (this.plan.takesOver !== true) return undefined;
    return (from) => {
      const other = from as FakeStore;
      [this.value, other.value] = [other.value, this.value];
      [this.bound, other.bound] = [other.bound, this.bound];
    };
  }

  async add(): Promise<number> {
    if (this.plan.refusal !== undefined) throw this.plan.refusal;
    if (this.plan.hangAt === 'add') await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.value += 1;
    return this.value;
  }
}

/** A contract in place of wascc:keyvalue whose implementations `one` and `two` do as they are told. */
export function fakeStore(): {
  contract: Contract;
  plans: Record<'one' | 'two', Plan>;
  /** Every provider that was made, in order. */
  made: FakeStore[];
} {
  const plans = { one: {} as Plan, two: {} as Plan };
  const made: FakeStore[] = [];
  const implementation = (name: 'one' | 'two') => async () => ({
    settings: z.strictObject({ size: z.number().optional() }),
    create: () => {
      const provider = new FakeStore(name, plans[name]);
      made.push(provider);
      return provider;
    },
  });
  const contract = defineContract<FakeStore, unknown>({
    id: 'wascc:keyvalue',
    codec: 'msgpack',
    summary: 'for tests',
    grant: z.object({ refuse: z.boolean().optional(), tag: z.string().optional() }),
    operations: {
      Add: operation({
        request: z.object({}),
        authorize() {},
        perform: async (provider: FakeStore) => ({ value: await provider.add() }),
      }),
    },
    implementations: { one: implementation('one'), two: implementation('two') },
    defaultImplementation: 'one',
  });
  return { contract, plans, made };
}
