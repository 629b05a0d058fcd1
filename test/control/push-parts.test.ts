import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '#runtime/base/limits.js';
import { type Artifact, moduleArtifact } from '#runtime/control/client/deploy/artifact.js';
import { deploy } from '#runtime/control/client/deploy/deploy.js';
import { nextSequence } from '#runtime/control/client/deploy/sequence.js';
import { readDesired } from '#runtime/control/client/desired.js';
import { readRetained } from '#runtime/control/mqtt/retained.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { readEnvelope } from '#runtime/trust/suit/envelope.js';
import { readManifest } from '#runtime/trust/suit/manifest.js';
import { partOffsets } from '#runtime/trust/suit/part-offsets.js';
import { planManifest } from '#runtime/trust/suit/plan.js';
import { BROKERS } from '../helpers/broker.js';
import {
  Cleanup,
  connectClient,
  digestOf,
  FakeDevice,
  failure,
  moduleOf,
  release,
  until,
} from './fixture.js';

const [BROKER] = BROKERS;

/** A device that fetches all modules of what is desired, and the sender's connection to it. */
async function createLab(cleanup: Cleanup) {
  if (BROKER === undefined) throw new Error('no broker');
  const broker = await BROKER.start();
  cleanup.add(broker, () => broker.stop());
  const got = new Map<string, Uint8Array>();
  const device = await new FakeDevice(broker.url, 'pi-01', {
    onDesired: async (component, bytes) => {
      const envelope = readEnvelope(bytes);
      const manifest = readManifest(envelope.manifest);
      const { components } = planManifest(manifest);
      const deployment = envelope.authentication.digest;
      const bases = partOffsets(components.map(({ size }) => size));
      await Promise.all(
        components.map(async ({ id, size, uri, digest }, at) => {
          const target = new Uint8Array(size);
          const request = {
            deployment,
            base: bases[at],
            digest: Buffer.from(digest).toString('hex'),
            size,
            uri,
          };
          await device.agent.source.fetch(
            request,
            () => false,
            async (offset, piece) => target.set(piece, offset),
            new AbortController().signal,
          );
          got.set(String(id[1]), target);
        }),
      );
      await device.agent.status.status({
        v: 1,
        component,
        deployment: Buffer.from(deployment).toString('hex'),
        state: 'active',
        sequence: manifest.sequence,
        floor: manifest.sequence,
      });
    },
  }).start();
  cleanup.add(device, () => device.agent.stop());
  await until(() => device.agent.connected, 'device connected');
  const client = await connectClient(broker.url);
  cleanup.add(client, () => client.close());
  return { device, client, got };
}

async function inLab(test: (lab: Awaited<ReturnType<typeof createLab>>) => Promise<void>): Promise<void> {
  const cleanup = new Cleanup();
  try {
    await test(await createLab(cleanup));
  } finally {
    await cleanup.run();
  }
}

describe('a push of several modules', () => {
  const A = moduleOf(3 * CHUNK_BYTES + 5, 1);
  const B = moduleOf(CHUNK_BYTES, 2);
  const C = moduleOf(7, 3);

  it('is one deployment, and every module comes whole and in its place', () =>
    inLab(async ({ client, got }) => {
      const artifacts = [moduleArtifact('a', A), moduleArtifact('b', B), moduleArtifact('c', C)];
      const progress: number[] = [];
      const outcome = await deploy({
        client,
        component: 'suite',
        artifacts,
        signers: [release],
        timeoutMs: 15_000,
        onProgress: ({ sentBytes, totalBytes }) => progress.push(sentBytes / totalBytes),
      });
      expect(outcome).toMatchObject({ component: 'suite', end: 'active' });
      expect([...got.keys()].sort()).toEqual(['a', 'b', 'c']);
      for (const [slot, bytes] of [
        ['a', A],
        ['b', B],
        ['c', C],
      ] as const) {
        expect(digestOf(got.get(slot) ?? new Uint8Array())).toBe(digestOf(bytes));
      }
      expect(progress.at(-1)).toBe(1);
      const topic = topics.desired('pi-01', 'suite');
      const kept = (await readRetained(client.link, topic)).get(topic);
      expect(readDesired(kept ?? new Uint8Array())?.modules).toHaveLength(3);
    }));

  it('sends nothing of what the device has, whether it is there or not', () =>
    inLab(async ({ client, device }) => {
      const { bytes: _, ...known } = moduleArtifact('a', A);
      const publish = client.link.publish.bind(client.link);
      const sent: string[] = [];
      client.link.publish = (topic, ...rest) => {
        sent.push(topic);
        return publish(topic, ...rest);
      };
      const push = (timeoutMs: number, detach = false) =>
        deploy({ client, component: 'a', artifacts: [known], signers: [release], timeoutMs, detach });
      // Nobody has the bytes here, so it does not end.
      expect((await failure(push(400))).code).toBe('E_TIMEOUT');
      await device.agent.stop();
      await until(() => !client.online, 'device off');
      expect((await push(400, true)).end).toBe('left');
      expect((await failure(push(400))).code).toBe('E_TIMEOUT');
      expect([...new Set(sent)]).toEqual([topics.desired('pi-01', 'a')]);
    }));

  it('outdoes what single pushes of its slots have used up', () =>
    inLab(async ({ client }) => {
      const floor = Math.floor(Date.now() / 1000) + 1_000;
      const status = { v: 1, component: 'b', deployment: 'x', state: 'active', floor };
      await client.link.publish(topics.state('pi-01', 'b'), JSON.stringify(status), { retain: true });
      const artifacts = [moduleArtifact('a', A), moduleArtifact('b', B)];
      const outcome = await deploy({ client, component: 'suite', artifacts, signers: [release] });
      expect(outcome.sequence).toBe(floor + 1);
    }));

  it('is refused before anything is sent when it can never work', () =>
    inLab(async ({ client }) => {
      const a = moduleArtifact('a', A);
      const wrong: [component: string, artifacts: Artifact[], code: string][] = [
        ['suite', [], 'E_USAGE'],
        ['suite', [a, a], 'E_USAGE'],
        ['suite', [a], 'E_USAGE'],
        ['s/+', [a, moduleArtifact('b', B)], 'E_USAGE'],
        ['suite', [a, moduleArtifact('B', B)], 'E_USAGE'],
        ['a', [{ ...a, size: 3 }], 'E_USAGE'],
        ['a', [{ slot: 'a', size: 3, digest: 'zz'.repeat(32) }], 'E_USAGE'],
        ['a', [{ slot: 'a', size: 3, digest: 'ab' }], 'E_USAGE'],
        ['a', [{ slot: 'a', size: 5 * 2 ** 20, digest: a.digest }], 'E_TOO_LARGE'],
        ['suite', Array.from({ length: 9 }, (_, at) => moduleArtifact(`s${at}`, C)), 'E_USAGE'],
      ];
      for (const [component, artifacts, code] of wrong) {
        const error = await failure(deploy({ client, component, artifacts, signers: [release] }));
        expect([component, error.code]).toEqual([component, code]);
      }
      expect((await readRetained(client.link, topics.desired('pi-01', '+'))).size).toBe(0);
    }));
});

describe('where the modules of a deployment begin', () => {
  it('is at a chunk of its own for each, without gaps of a chunk or more', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 * 2 ** 20 }), { maxLength: 8 }), (sizes) => {
        const offsets = partOffsets(sizes);
        expect(offsets).toHaveLength(sizes.length);
        let end = 0;
        for (const [at, offset] of offsets.entries()) {
          expect(offset % CHUNK_BYTES).toBe(0);
          expect(offset - end).toBeGreaterThanOrEqual(0);
          expect(offset - end).toBeLessThan(CHUNK_BYTES);
          end = offset + (sizes[at] ?? 0);
        }
      }),
    );
  });
});

describe('the next sequence number', () => {
  const status = (floor: number) =>
    ({ v: 1, component: 'a', deployment: 'x', state: 'active', floor }) as const;
  const desired = (sequence: number) => ({ deployment: 'x', sequence, slots: [], modules: [] });
  const year = 366 * 24 * 3_600;

  it('is above every floor and all that waits, and no further than it must be', () => {
    const now = 1_800_000_000;
    const near = fc.integer({ min: 0, max: now + year });
    fc.assert(
      fc.property(fc.array(near), fc.array(near), (floors, waiting) => {
        const next = nextSequence('pi-01', floors.map(status), waiting.map(desired), now);
        expect(next).toBe(Math.max(now, ...[...floors, ...waiting].map((one) => one + 1)));
      }),
    );
  });

  it('does not follow what somebody has made up', () => {
    expect(nextSequence('pi-01', [], [desired(2 ** 53 - 2), desired(7)], 100)).toBe(100);
    expect(() => nextSequence('pi-01', [status(1), status(2 ** 53 - 2)], [], 100)).toThrow(/years ahead/);
  });
});
