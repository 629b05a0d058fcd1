import { describe, expect, it } from 'vitest';
import { createMetrics, type MetricsSource } from '#runtime/control/agent/metrics.js';
import { CallCounters, DURATION_BUCKETS_S } from '#runtime/host/counters.js';

function source(overrides: Partial<MetricsSource> = {}): MetricsSource {
  const calls = new CallCounters();
  calls.succeed(0.2, 70);
  calls.succeed(30, 30);
  calls.fail(9_000, 'E_DEADLINE');
  calls.refuse('E_QUEUE_FULL');
  return {
    ...{ device: 'pi-01', version: '1.2.3', board: 'sim', session: 7 },
    counters: () => ({
      actors: [{ name: 'blink', calls, swaps: new Map([['kept', 2]]) }],
      hostCalls: [
        ['iot:gpio', 'ok', 5],
        ['other', 'E_NOT_CLAIMED', 1],
      ],
    }),
    actors: () => [
      {
        ...{ name: 'blink', state: 'backoff', bindings: [], queued: 3, handled: 2, failed: 1, restarts: 4 },
        memoryPages: 2,
      },
    ],
    providers: () => [
      {
        ...{ contract: 'iot:gpio', name: 'default', implementation: 'sim', state: 'running', bindings: 1 },
      },
    ],
    updates: () => [{ component: 'blink', state: 'rolled-back' }],
    freshness: () => ({ state: 'stale', until: 1_800_000_000 }),
    ready: () => false,
    connected: () => true,
    lagMs: () => 12,
    ...overrides,
  };
}

/** Samples by name and labels as they stand in the text. */
async function scrape(from: MetricsSource): Promise<Map<string, number>> {
  const lines = (await (await createMetrics(from))()).split('\n');
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe('metrics', () => {
  it('say what the host counted', async () => {
    const samples = await scrape(source());
    expect(Object.fromEntries(samples)).toMatchObject({
      'iot_host_info{device="pi-01",version="1.2.3",board="sim"}': 1,
      iot_host_session: 7,
      iot_host_ready: 0,
      'iot_host_freshness_state{state="fresh"}': 0,
      'iot_host_freshness_state{state="stale"}': 1,
      iot_host_fresh_until_seconds: 1_800_000_000,
      iot_host_broker_connected: 1,
      'iot_host_calls_total{actor="blink",outcome="handled"}': 2,
      'iot_host_calls_total{actor="blink",outcome="failed"}': 1,
      'iot_host_calls_total{actor="blink",outcome="refused"}': 1,
      'iot_host_errors_total{actor="blink",code="E_DEADLINE"}': 1,
      'iot_host_errors_total{actor="blink",code="E_QUEUE_FULL"}': 1,
      'iot_host_fuel_total{actor="blink"}': 100,
      'iot_host_queue_depth{actor="blink"}': 3,
      'iot_host_restarts_total{actor="blink"}': 4,
      'iot_host_swaps_total{actor="blink",result="kept"}': 2,
      'iot_host_swaps_total{actor="blink",result="reverted"}': 0,
      'iot_host_actor_state{actor="blink",state="backoff"}': 1,
      'iot_host_actor_state{actor="blink",state="running"}': 0,
      'iot_host_actor_memory_bytes{actor="blink"}': 131_072,
      'iot_host_provider_state{contract="iot:gpio",name="default",state="running"}': 1,
      'iot_host_provider_state{contract="iot:gpio",name="default",state="failed"}': 0,
      'iot_host_host_calls_total{contract="iot:gpio",outcome="ok"}': 5,
      'iot_host_host_calls_total{contract="other",outcome="E_NOT_CLAIMED"}': 1,
      'iot_host_update_state{component="blink",state="rolled-back"}': 1,
      'iot_host_update_state{component="blink",state="active"}': 0,
      iot_host_event_loop_lag_seconds: 0.012,
    });
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(samples.get('process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  it('have a histogram whose buckets add up', async () => {
    const samples = await scrape(source());
    const name = 'iot_host_call_duration_seconds';
    const buckets = [...DURATION_BUCKETS_S, '+Inf'].map((le) =>
      samples.get(`${name}_bucket{actor="blink",le="${le}"}`),
    );
    expect(buckets).toEqual([...DURATION_BUCKETS_S.map((le) => (le >= 0.05 ? 2 : 1)), 3]);
    expect(samples.get(`${name}_count{actor="blink"}`)).toBe(3);
    expect(samples.get(`${name}_sum{actor="blink"}`)).toBeCloseTo(9.0302);
  });

  it('have a help and a type each, and are valid text with nothing to tell', async () => {
    const bare = source({
      counters: () => ({ actors: [], hostCalls: [] }),
      ...{ actors: () => [], providers: () => [], updates: () => [] },
    });
    for (const from of [source(), bare]) {
      const text = await (await createMetrics(from))();
      const helps = [...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name);
      const types = [...text.matchAll(/^# TYPE (\S+) (?:counter|gauge|histogram)$/gm)].map(
        ([, name]) => name,
      );
      expect(helps).toEqual(types);
      expect(new Set(helps).size).toBe(21);
      for (const line of text.split('\n')) {
        expect(line).toMatch(/^$|^# |^[a-z_]+(\{([a-z]+="[^"\\\n]*",?)+\})? [-+.\deE]+$/);
      }
      expect(text).not.toContain('NaN');
    }
  });

  it('of two devices in one process do not mix', async () => {
    const [one, two] = await Promise.all([scrape(source()), scrape(source({ session: 8 }))]);
    expect([one.get('iot_host_session'), two.get('iot_host_session')]).toEqual([7, 8]);
  });
});
