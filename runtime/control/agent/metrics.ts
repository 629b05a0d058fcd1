import type { Metric } from 'prom-client';
import { DURATION_BUCKETS_S, type HostCounters } from '../../host/counters.js';
import {
  type ActorState,
  type ActorStatus,
  type FreshnessState,
  type ProviderStatus,
  UPDATE_STATES,
  type UpdateStatus,
} from '../protocol/messages.js';

/** What the metrics are made of, read anew for every scrape. */
export interface MetricsSource {
  readonly device: string;
  readonly version: string;
  readonly board: string;
  readonly session: number;
  counters(): HostCounters;
  actors(): readonly ActorStatus[];
  providers(): readonly ProviderStatus[];
  /** The last status of each component. */
  updates(): readonly Pick<UpdateStatus, 'component' | 'state'>[];
  /** `undefined` while the fleet has told the device nothing. */
  freshness?(): Pick<FreshnessState, 'state' | 'until'> | undefined;
  ready(): boolean;
  connected(): boolean;
  /** Worst delay of the event loop of late, in milliseconds. */
  lagMs(): number;
}

interface Value {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly metricName?: string;
}
interface Definition {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  read(source: MetricsSource): Value[];
}

const ACTOR_STATES: readonly ActorState[] = [
  'empty',
  'starting',
  'running',
  'backoff',
  'stopped',
  'quarantined',
];
const PROVIDER_STATES: readonly ProviderStatus['state'][] = ['running', 'swapping', 'failed', 'removed'];
const FRESHNESS_STATES: readonly FreshnessState['state'][] = ['fresh', 'stale', 'behind'];
const SWAP_RESULTS = ['kept', 'reverted', 'refused'] as const;
const WASM_PAGE_BYTES = 65_536;

const one = (value: number): Value[] => [{ labels: {}, value }];

/** One series for each state there is, 1 for the present one: a state that was left does not stay behind. */
function states<S extends string>(labels: Record<string, string>, all: readonly S[], present: S): Value[] {
  return all.map((state) => ({ labels: { ...labels, state }, value: state === present ? 1 : 0 }));
}

/**
 * Values of labels are names of slots and contracts, codes and states: all bounded, none worded by a guest or by
 * whoever talks to the device.
 */
const METRICS: readonly Definition[] = [
  {
    name: 'iot_host_info',
    help: 'Always 1; the labels say what runs',
    type: 'gauge',
    read: ({ device, version, board }) => [{ labels: { device, version, board }, value: 1 }],
  },
  {
    name: 'iot_host_session',
    help: 'Starts of the host on its data folder',
    type: 'gauge',
    read: ({ session }) => one(session),
  },
  {
    name: 'iot_host_ready',
    help: '1 when nothing keeps the device from being ready',
    type: 'gauge',
    read: (source) => one(Number(source.ready())),
  },
  {
    name: 'iot_host_broker_connected',
    help: '1 while the device is connected to its broker',
    type: 'gauge',
    read: (source) => one(Number(source.connected())),
  },
  {
    name: 'iot_host_calls_total',
    help: 'Messages to an actor by what became of them: handled, failed, refused (not taken in or given back)',
    type: 'counter',
    read: (source) =>
      source.counters().actors.flatMap(({ name: actor, calls }) =>
        (['handled', 'failed', 'refused'] as const).map((outcome) => ({
          labels: { actor, outcome },
          value: calls[outcome],
        })),
      ),
  },
  {
    name: 'iot_host_errors_total',
    help: 'Messages that failed or were refused, by the code of the error',
    type: 'counter',
    read: (source) =>
      source
        .counters()
        .actors.flatMap(({ name: actor, calls }) =>
          [...calls.errors].map(([code, value]) => ({ labels: { actor, code }, value })),
        ),
  },
  {
    name: 'iot_host_call_duration_seconds',
    help: 'Time of a message from the queue to its answer',
    type: 'histogram',
    read: (source) =>
      source
        .counters()
        .actors.flatMap(({ name, calls }) => histogram(name, calls.durations, calls.milliseconds / 1_000)),
  },
  {
    name: 'iot_host_fuel_total',
    help: 'Fuel used by messages that were handled',
    type: 'counter',
    read: (source) =>
      source.counters().actors.map(({ name: actor, calls }) => ({ labels: { actor }, value: calls.fuel })),
  },
  {
    name: 'iot_host_queue_depth',
    help: 'Messages that wait for an actor or are in it',
    type: 'gauge',
    read: (source) => source.actors().map(({ name, queued }) => ({ labels: { actor: name }, value: queued })),
  },
  {
    name: 'iot_host_restarts_total',
    help: 'Times an actor was started again after a fault',
    type: 'counter',
    read: (source) =>
      source.actors().map(({ name, restarts }) => ({ labels: { actor: name }, value: restarts })),
  },
  {
    name: 'iot_host_swaps_total',
    help: 'Modules that were to take the place of another: kept, reverted after a trial, refused before it',
    type: 'counter',
    read: (source) =>
      source
        .counters()
        .actors.flatMap(({ name: actor, swaps }) =>
          SWAP_RESULTS.map((result) => ({ labels: { actor, result }, value: swaps.get(result) ?? 0 })),
        ),
  },
  {
    name: 'iot_host_actor_state',
    help: '1 for the state an actor is in',
    type: 'gauge',
    read: (source) =>
      source.actors().flatMap(({ name: actor, state }) => states({ actor }, ACTOR_STATES, state)),
  },
  {
    name: 'iot_host_actor_memory_bytes',
    help: 'Linear memory of an actor when it was started',
    type: 'gauge',
    read: (source) =>
      source
        .actors()
        .flatMap(({ name: actor, memoryPages }) =>
          memoryPages === undefined ? [] : [{ labels: { actor }, value: memoryPages * WASM_PAGE_BYTES }],
        ),
  },
  {
    name: 'iot_host_provider_state',
    help: '1 for the state a provider is in',
    type: 'gauge',
    read: (source) =>
      source
        .providers()
        .flatMap(({ contract, name, state }) => states({ contract, name }, PROVIDER_STATES, state)),
  },
  {
    name: 'iot_host_host_calls_total',
    help: 'Calls of actors to contracts: ok, or the code of the error',
    type: 'counter',
    read: (source) =>
      source
        .counters()
        .hostCalls.map(([contract, outcome, value]) => ({ labels: { contract, outcome }, value })),
  },
  {
    name: 'iot_host_update_state',
    help: '1 for the state that the last update of a component is in',
    type: 'gauge',
    read: (source) =>
      source.updates().flatMap(({ component, state }) => states({ component }, UPDATE_STATES, state)),
  },
  {
    name: 'iot_host_freshness_state',
    help: '1 for how the device stands to what its fleet last told it; absent while it was told nothing',
    type: 'gauge',
    read(source) {
      const known = source.freshness?.();
      return known === undefined ? [] : states({}, FRESHNESS_STATES, known.state);
    },
  },
  {
    name: 'iot_host_fresh_until_seconds',
    help: 'Unix time until which the word of the fleet holds',
    type: 'gauge',
    read(source) {
      const known = source.freshness?.();
      return known === undefined ? [] : one(known.until);
    },
  },
  {
    name: 'iot_host_event_loop_lag_seconds',
    help: 'Worst delay of the main thread in the last 15 seconds',
    type: 'gauge',
    read: (source) => one(source.lagMs() / 1_000),
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the host',
    type: 'gauge',
    read: () => one(process.memoryUsage.rss()),
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'Processor time of the host, all threads',
    type: 'counter',
    read() {
      const { user, system } = process.cpuUsage();
      return one((user + system) / 1e6);
    },
  },
];

function histogram(actor: string, buckets: readonly number[], sum: number): Value[] {
  const name = 'iot_host_call_duration_seconds';
  let count = 0;
  const cumulative = buckets.map((n, at) => {
    count += n;
    const le = DURATION_BUCKETS_S[at] === undefined ? '+Inf' : String(DURATION_BUCKETS_S[at]);
    return { labels: { actor, le }, value: count, metricName: `${name}_bucket` };
  });
  return [
    ...cumulative,
    { labels: { actor }, value: sum, metricName: `${name}_sum` },
    { labels: { actor }, value: count, metricName: `${name}_count` },
  ];
}

/**
 * A registry of this device alone. Nothing is measured for it: it reads what the host has counted when somebody asks.
 * The package is loaded with the first call.
 */
export async function createMetrics(source: MetricsSource): Promise<() => Promise<string>> {
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  for (const { name, help, type, read } of METRICS) {
    // The registry asks a metric for nothing but these; its own classes want to do the counting themselves.
    const metric = { name, help, type, get: async () => ({ name, help, type, values: read(source) }) };
    registry.registerMetric(metric as unknown as Metric);
  }
  return () => registry.metrics();
}
