import type { Where } from '../base/config/line.js';
import type { HostConfig } from '../base/config/schema.js';
import type { Logger } from '../base/logger.js';
import { revealed } from '../base/secret.js';
import { VERSION } from '../base/version.js';
import { ControlAgent } from '../control/agent/agent.js';
import type { Host } from '../host/host.js';
import type { Updates } from '../ota/index.js';
import type { DeviceBroker } from './broker.js';
import { rpcHandlers } from './handlers.js';
import type { LogRing } from './log-ring.js';
import { noTrust } from './no-trust.js';

export interface AgentParts {
  readonly config: HostConfig;
  readonly broker: DeviceBroker;
  readonly host: Host;
  readonly updates: Updates;
  readonly logs: LogRing;
  readonly logger: Logger;
  /** PEM: authority of the servers that modules come from, beside the usual ones. */
  readonly sourceCa: string | undefined;
  readonly where: Where | undefined;
  problems(): string[];
}

/** The device's end of the control plane, over the other parts of it. */
export async function makeAgent(parts: AgentParts): Promise<ControlAgent> {
  const { config, broker, host, updates, logs, logger, problems, sourceCa } = parts;
  const { device, board, lines, labels, control } = config;
  const { session } = updates;
  const { username, password, ...tls } = broker.access ?? {};
  const agent = new ControlAgent({
    device,
    board,
    labels,
    session,
    version: VERSION,
    url: broker.url,
    tls,
    sourceCa,
    ...(username === undefined ? {} : { login: { username, password: await revealed(password) } }),
    logger,
    trust: () => {
      const document = updates.trust.current();
      if (document === undefined) throw noTrust(device, config.trust.document);
      return document;
    },
    openReading: control.openReading,
    actors: () =>
      host.actors().map(({ name, state, key, digest, version }) => ({
        name,
        state,
        ...(key === undefined ? {} : { key, digest, version, sequence: updates.sequence(name) }),
      })),
    handlers: rpcHandlers({
      device,
      version: VERSION,
      board,
      lines,
      session,
      host,
      logs,
      updates,
      pathLine: async (slot) => {
        const index = config.actors.findIndex(({ name, path }) => name === slot && path !== undefined);
        if (index < 0) return undefined;
        return (await parts.where?.(['actors', index, 'path'])) ?? 'the configuration';
      },
      problems,
    }),
    onConnected: () => updates.connected(),
    onFresh: (index) => updates.freshUntil(index),
    onDesired: (component, envelope) => updates.desired(component, envelope),
  });
  logs.onLine((line) => agent.publishLog(line));
  return agent;
}
