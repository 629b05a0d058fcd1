import { BindingConfig } from '../base/config/schema.js';
import type { RpcHandlers } from '../control/protocol/messages.js';
import type { Host } from '../host/host.js';
import type { LogRing } from './log-ring.js';

export interface HandlerParts {
  readonly device: string;
  readonly version: string;
  readonly session: number;
  readonly host: Host;
  readonly logs: LogRing;
  problems(): string[];
}

/** What a signed request may ask of this device. */
export function rpcHandlers({ device, version, session, host, logs, problems }: HandlerParts): RpcHandlers {
  const { providers } = host;
  return {
    async ps() {
      const found = problems();
      const ready = found.length === 0;
      return {
        device,
        version,
        session,
        ready,
        problems: found,
        actors: host.actors(),
        providers: providers.list(),
      };
    },
    async call({ actor, operation, payload }) {
      return { reply: await host.call(actor, operation, payload) };
    },
    async logs({ actor }) {
      return { lines: logs.recent(actor) };
    },
    async 'providers.list'() {
      return { providers: providers.list(), contracts: providers.contracts() };
    },
    async 'providers.remove'({ contract, name }) {
      const slot = providers.get(contract, name);
      await slot.remove();
      return slot.status();
    },
    async 'providers.start'({ contract, name }) {
      const slot = providers.get(contract, name);
      await slot.start();
      return slot.status();
    },
    async 'providers.swap'({ contract, name, to, settings }) {
      const slot = providers.get(contract, name);
      await slot.swap(to, settings ?? {});
      return slot.status();
    },
    async bind({ actor, contract, name, settings }) {
      return host.bind(
        actor,
        BindingConfig.parse({ ...settings, contract, ...(name === undefined ? {} : { name }) }),
      );
    },
  };
}
