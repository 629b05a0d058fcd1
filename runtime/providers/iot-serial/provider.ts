import { isDeepStrictEqual } from 'node:util';
import type { Deliver, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { SessionMap, sessionName } from '../../base/sessions.js';
import { checkPorts, type Grant, type PortInfo, type Serial } from './contract.js';
import type { SerialDriver } from './driver.js';
import { HeldPort } from './held-port.js';

interface Holder {
  readonly session: Session<Grant>;
  readonly ports: Map<string, HeldPort>;
}

/** The rules of `iot:serial` over any driver: who has which port, and that it is open whenever it can be. */
export class SerialProvider implements Serial {
  readonly #holders = new SessionMap<Holder>();
  readonly #owners = new Map<string, Holder>();

  constructor(
    protected readonly driver: SerialDriver,
    private readonly logger: Logger,
  ) {}

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await Promise.all(this.#holders.values().map((holder) => this.#free(holder)));
    this.#holders.clear();
  }

  async bind(session: Session<Grant>, deliver: Deliver): Promise<void> {
    const known = this.#holders.get(session);
    this.#check(session, known);
    const holder: Holder = known ?? { session, ports: new Map() };
    this.#holders.set(session, holder);
    for (const [name, port] of [...holder.ports]) {
      const settings = session.grant.ports[name];
      if (settings !== undefined && isDeepStrictEqual(settings, port.settings)) port.redirect(deliver);
      else await this.#release(holder, name);
    }
    for (const [name, settings] of Object.entries(session.grant.ports)) {
      if (holder.ports.has(name)) continue;
      const port = new HeldPort(name, settings, deliver, this.driver, this.logger);
      holder.ports.set(name, port);
      this.#owners.set(name, holder);
      try {
        await port.open();
      } catch (thrown) {
        await this.unbind(session);
        throw thrown;
      }
    }
  }

  async unbind(session: Session<Grant>): Promise<void> {
    const holder = this.#holders.delete(session);
    if (holder !== undefined) await this.#free(holder);
  }

  write(session: Session<Grant>, port: string, data: Uint8Array): Promise<void> {
    return this.#held(session, port).write(data);
  }

  drain(session: Session<Grant>, port: string): Promise<void> {
    return this.#held(session, port).drain();
  }

  ports(session: Session<Grant>): PortInfo[] {
    return [...(this.#holders.get(session)?.ports.values() ?? [])].map((port) => port.info());
  }

  problem(): string | undefined {
    const problems = this.#holders.values().flatMap(({ ports }) =>
      [...ports].flatMap(([name, port]) => {
        const problem = port.problem();
        return problem === undefined ? [] : [`port ${name}: ${problem}`];
      }),
    );
    return problems.length === 0 ? undefined : problems.join('; ');
  }

  #check(session: Session<Grant>, known: Holder | undefined): void {
    checkPorts(session.grant, this.driver.names);
    for (const name of Object.keys(session.grant.ports)) {
      const owner = this.#owners.get(name);
      if (owner === undefined || owner === known) continue;
      const who = sessionName(owner.session);
      throw new IotError('E_BUSY', `port ${name} cannot go to ${sessionName(session)}: ${who} holds it`, {
        hint: `take ${name} out of one of the two bindings`,
      });
    }
  }

  #held(session: Session<Grant>, name: string): HeldPort {
    const port = this.#holders.get(session)?.ports.get(name);
    if (port !== undefined) return port;
    throw new IotError('E_NOT_BOUND', `port ${name} is not held by ${sessionName(session)}`);
  }

  async #free(holder: Holder): Promise<void> {
    await Promise.all([...holder.ports.keys()].map((name) => this.#release(holder, name)));
  }

  async #release(holder: Holder, name: string): Promise<void> {
    const port = holder.ports.get(name);
    holder.ports.delete(name);
    await port?.release();
    this.#owners.delete(name);
  }
}
