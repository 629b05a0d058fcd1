import type { HostConfig } from '../base/config/schema.js';
import { revealed } from '../base/secret.js';
import type { ControlAgent } from '../control/agent/agent.js';
import { type HealthServer, startHealthServer } from '../control/agent/http.js';
import { createMetrics } from '../control/agent/metrics.js';
import type { UpdateStatus } from '../control/protocol/messages.js';
import type { Host } from '../host/host.js';
import type { FreshnessStatus } from '../ota/index.js';
import type { Edges } from './edges.js';
import type { LoopLag } from './loop-lag.js';

export interface HealthParts {
  readonly config: HostConfig;
  readonly version: string;
  readonly session: number;
  readonly host: Host;
  readonly agent: ControlAgent;
  readonly edges: Edges;
  readonly lag: LoopLag;
  /** The last status of each update. */
  readonly updates: ReadonlyMap<string, UpdateStatus>;
  /** `undefined` while the fleet has told the device nothing. */
  freshness(): FreshnessStatus | undefined;
  problems(): string[];
}

/** The HTTP server of the control plane, over what the parts say. `undefined` without `http:` in the configuration. */
export async function startHealth(parts: HealthParts): Promise<HealthServer | undefined> {
  const { config, version, session, host, agent, edges, lag, problems, freshness } = parts;
  if (config.http === undefined) return undefined;
  const { host: address, port, token } = config.http;
  const { device, board, labels } = config;
  // Somebody at the broker may name any component; what has a slot is bounded.
  const updates = () => [...parts.updates.values()].filter(({ component }) => host.has(component));
  const metrics = await createMetrics({
    ...{ device, version, board, session },
    counters: () => host.counters(),
    actors: () => host.actors(),
    providers: () => host.providers.list(),
    updates,
    freshness,
    ready: () => problems().length === 0,
    connected: () => agent.connected,
    lagMs: () => lag.worst(),
  });
  return startHealthServer({
    host: address,
    port,
    token: await revealed(token),
    tls: edges.httpTls,
    problems,
    metrics,
    health: () => ({
      ...{ device, version, board, labels, session },
      uptimeSeconds: Math.round(process.uptime()),
      broker: { connected: agent.connected },
      eventLoopLagMs: Math.round(lag.worst()),
      memory: process.memoryUsage(),
      actors: host.actors(),
      providers: host.providers.list(),
      updates: updates(),
      freshness: freshness(),
    }),
  });
}
