import { join } from 'node:path';
import type { HostConfig } from '../base/config/schema.js';
import type { Logger } from '../base/logger.js';
import type { ControlAgent } from '../control/agent/agent.js';
import type { UpdateStatus } from '../control/protocol/messages.js';
import type { Host } from '../host/host.js';
import { signedChecks, systemClock, Updates } from '../ota/index.js';
import { clockTrust } from './clock.js';
import type { ModuleChecks } from './modules.js';
import { noTrust } from './no-trust.js';
import type { TrustFile } from './trust-file.js';

export interface UpdateParts {
  readonly config: HostConfig;
  readonly dataDir: string;
  readonly deviceSeed: Uint8Array;
  readonly trustFile: TrustFile;
  readonly checks: ModuleChecks;
  readonly logger: Logger;
  /** The slots, the source of bytes and the place for reports are there when the first update comes. */
  host(): Host;
  agent(): ControlAgent;
  /** The device trusts another document than before. */
  trustChanged(): void;
  readonly statuses: Map<string, UpdateStatus>;
}

/** The updates of a device, over the other parts of it. */
export function makeUpdates(parts: UpdateParts): Updates {
  const { config, checks, trustFile, statuses, host, agent } = parts;
  const { device, board, updates } = config;
  const memoryPages = Math.max(64, ...config.actors.map(({ limits }) => limits.memoryPages));
  const made: Updates = new Updates({
    device,
    folder: join(parts.dataDir, 'ota'),
    deviceSeed: parts.deviceSeed,
    clock: systemClock(clockTrust(config.clock)),
    givenTrust: () => trustFile.changed(),
    onTrustChanged: parts.trustChanged,
    checks: signedChecks({
      device,
      board,
      trust: (now) => {
        const document = made.trust.inForce(now);
        if (document === undefined) throw noTrust(device, config.trust.document);
        return document;
      },
      maxModuleBytes: updates.maxModuleBytes,
      development: config.trust.development,
      strictTime: updates.strictTime,
      readModule: (bytes, now) => checks.read(bytes, now, memoryPages),
    }),
    target: {
      identity: (slot) => host().identity(slot),
      ensureSlot: (slot) => host().ensureSlot(slot),
      missingBindings: (slot, capabilities) => host().missingBindings(slot, capabilities),
      prepare: (slot, module) => host().prepare(slot, module),
      fallBack: (slot, module) => host().fallBack(slot, module),
      clear: (slot) => host().clear(slot),
    },
    source: { fetch: (...request) => agent().source.fetch(...request) },
    sink: {
      status: (status) => {
        // Whoever talks to the broker can name any component: only what has a slot is remembered.
        if (host().has(status.component)) statuses.set(status.component, status);
        return agent().status.status(status);
      },
      report: (report) => agent().status.report(report),
    },
    connected: () => agent().connected,
    log: parts.logger,
    ...updates,
  });
  return made;
}
