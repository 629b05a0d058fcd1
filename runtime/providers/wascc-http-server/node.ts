import { z } from 'zod';
import type { Deliver, Implementation, ProviderEnv, Session } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { SessionMap, sessionName } from '../../base/sessions.js';
import type { Grant, HttpServer } from './contract.js';
import { Listener } from './listener.js';
import { Settings } from './settings.js';

const StateShape = z.object({
  ports: z.array(z.object({ actor: z.string(), binding: z.string(), port: z.int().min(1).max(65_535) })),
});

const ANYWHERE = new Set(['0.0.0.0', '::']);

/** Node's own HTTP server, one for every binding. */
class NodeHttpServer implements HttpServer {
  readonly #listeners = new SessionMap<Listener>();
  /** Ports that the implementation before had been given for PORT 0, so that clients find them again. */
  readonly #former = new SessionMap<number>();

  constructor(
    private readonly settings: Settings,
    private readonly env: ProviderEnv,
  ) {}

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    const listeners = this.#listeners.values();
    this.#listeners.clear();
    this.#former.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  /** A new port is opened before the old one closes; the same port stays open. */
  async bind(session: Session<Grant>, deliver: Deliver): Promise<void> {
    const { PORT, HOST } = session.grant;
    const known = this.#listeners.get(session);
    if (known?.wanted === PORT && known.host === HOST) {
      known.redirect(deliver);
      return;
    }
    this.#checkFree(session);
    if (known?.wanted === PORT) await this.unbind(session);
    const listener = await this.#open(session, deliver);
    await this.unbind(session);
    this.#listeners.set(session, listener);
  }

  async unbind(session: Session): Promise<void> {
    await this.#listeners.delete(session)?.close();
  }

  address(session: Session): string | undefined {
    return this.#listeners.get(session)?.address;
  }

  async exportState(): Promise<unknown> {
    const ports = this.#listeners
      .entries()
      .filter(([, { wanted }]) => wanted === 0)
      .map(([{ actor, binding }, { port }]) => ({ actor, binding, port }));
    return { ports };
  }

  async importState(state: unknown): Promise<void> {
    const parsed = StateShape.safeParse(state);
    if (!parsed.success)
      throw new IotError('E_PROVIDER', 'wascc:http_server state is damaged', { cause: parsed.error });
    for (const { port, ...session } of parsed.data.ports)
      this.#former.set({ ...session, grant: undefined }, port);
  }

  async #open(session: Session<Grant>, deliver: Deliver): Promise<Listener> {
    const { PORT, HOST } = session.grant;
    const former = PORT === 0 ? this.#former.delete(session) : undefined;
    const open = async (port: number) => {
      const { settings } = this;
      const listener = new Listener(
        { name: sessionName(session), host: HOST, port: PORT, settings, logger: this.env.logger },
        deliver,
      );
      await listener.open(port);
      return listener;
    };
    if (former === undefined) return open(PORT);
    return open(former).catch(() => open(PORT));
  }

  #checkFree(session: Session<Grant>): void {
    const { PORT, HOST } = session.grant;
    const own = this.#listeners.get(session);
    for (const [other, listener] of this.#listeners.entries()) {
      if (PORT === 0 || listener === own || listener.port !== PORT) continue;
      if (listener.host !== HOST && !ANYWHERE.has(listener.host) && !ANYWHERE.has(HOST)) continue;
      throw new IotError(
        'E_CONFIG',
        `${sessionName(session)} and ${sessionName(other)} cannot both listen on port ${PORT}`,
        { hint: 'give one of the two bindings another PORT' },
      );
    }
  }
}

export const implementation: Implementation<HttpServer, Settings> = {
  settings: Settings,
  create: (settings, env) => new NodeHttpServer(settings, env),
};
