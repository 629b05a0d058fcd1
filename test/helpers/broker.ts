import { startEmbeddedBroker } from '#runtime/control/agent/broker.js';
import { mosquittoMissing, type RunningBroker, startMosquitto } from './mosquitto.js';

/** The embedded broker as the host starts it, in this process and without a folder. */
export async function startAedes(options: { port?: number } = {}): Promise<RunningBroker> {
  const broker = await startEmbeddedBroker({ broker: `embedded://127.0.0.1:${options.port ?? 0}` });
  return { ...broker, pid: process.pid, kill: broker.stop };
}

export interface BrokerKind {
  readonly name: string;
  readonly start: (options?: { port?: number }) => Promise<RunningBroker>;
  /** Why its tests are skipped. */
  readonly missing: string | undefined;
}

/** What everything over MQTT is tested on. */
export const BROKERS: readonly BrokerKind[] = [
  { name: 'aedes', start: startAedes, missing: undefined },
  { name: 'mosquitto', start: startMosquitto, missing: mosquittoMissing() },
];
