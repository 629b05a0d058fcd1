import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeFileSystem } from '#runtime/ota/index.js';
import { publicFromSeed } from '#runtime/trust/ed25519.js';
import { readReport } from '#runtime/trust/suit/report.js';
import { Bench, deviceSeed, digestOf, envelopeFor, HAPPY, KEY, moduleBytes } from './bench.js';

const v1 = moduleBytes('good-1');
const v2 = moduleBytes('good-2');

describe('a good update', () => {
  it('goes through every state in order, runs the module and signs a report', async () => {
    const bench = await Bench.start();
    await bench.push(7, v1);
    expect(bench.sink.lines()).toEqual(HAPPY);
    expect(bench.target.log).toEqual(['slot blink', 'prepare good-1', 'activate good-1', 'commit good-1']);
    expect(bench.running).toBe('good-1');
    expect(bench.sink.last).toMatchObject({
      component: 'blink',
      sequence: 7,
      floor: 7,
      installed: { digest: digestOf(v1), sequence: 7, key: KEY, version: '1.0.0' },
      unbound: ['iot-host bind blink iot:gpio'],
    });
    expect(bench.sink.reports).toHaveLength(1);
    const report = readReport(bench.sink.reports[0]!, publicFromSeed(deviceSeed));
    expect(report).toMatchObject({ device: 'pi-01', state: 'active', outcome: 'done' });
    expect(Buffer.from(report.manifestDigest).toString('hex')).toBe(bench.sink.last?.deployment);
  });

  it('says what is pending while it is staged and on probation', async () => {
    const bench = await Bench.start();
    await bench.push(7, v1);
    await bench.push(8, v2);
    const staged = bench.sink.statuses.find((status) => status.sequence === 8 && status.state === 'staged');
    const about = { size: 40_000, key: KEY, version: '1.0.0' };
    expect(staged?.pending).toEqual({ digest: digestOf(v2), sequence: 8, ...about });
    expect(staged?.installed?.digest).toBe(digestOf(v1));
    expect(staged?.floor).toBe(7);
    expect(staged?.previous).toBeUndefined();
    // What a manifest needs that goes back to it.
    expect(bench.sink.last?.previous).toEqual({ digest: digestOf(v1), sequence: 7, ...about });
  });

  it('keeps the one before, so that a later manifest can go back without a fetch', async () => {
    const bench = await Bench.start();
    await bench.push(1, v1);
    await bench.push(2, v2);
    bench.source.withdraw();
    bench.sink.clear();
    bench.updates.desired('blink', envelopeFor(3, v1));
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['received', 'verified', 'staged', 'probation', 'active']);
    expect(bench.running).toBe('good-1');
  });

  it('removes modules that no record names', async () => {
    const bench = await Bench.start();
    const versions = [1, 2, 3].map((n) => moduleBytes(`good-${n}`));
    for (const [index, bytes] of versions.entries()) await bench.push(index + 1, bytes);
    const names = [...bench.memory.files.keys()].filter((name) => name.startsWith('/ota/blobs'));
    expect(names.sort()).toEqual(
      versions
        .slice(1)
        .map((bytes) => `/ota/blobs/${digestOf(bytes)}.wasm`)
        .sort(),
    );
    expect([...bench.memory.files.keys()].filter((name) => name.startsWith('/ota/tmp'))).toEqual([]);
  });

  it('drops the one before when the manifest says it is no longer safe', async () => {
    const bench = await Bench.start();
    await bench.push(1, v1);
    await bench.push(2, v2, { securityFloor: 2 });
    expect(bench.memory.files.has(`/ota/blobs/${digestOf(v1)}.wasm`)).toBe(false);
  });

  it('takes a module that the envelope carries', async () => {
    const bench = await Bench.start();
    const small = moduleBytes('good-small', { size: 3000 });
    const digest = Uint8Array.from(Buffer.from(digestOf(small), 'hex'));
    const component = { id: ['actor', 'blink'], digest, size: small.length, uri: '#module' };
    const envelope = envelopeFor(1, small, { components: [component], payloads: { '#module': small } });
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual([
      'received',
      'verified',
      'fetching 0',
      'fetching 100',
      'staged',
      'probation',
      'active',
    ]);
    expect(bench.source.sent).toEqual([]);
  });

  it('stays on probation as long as device and manifest ask, whichever is longer', async () => {
    const bench = await Bench.start({ dwellMs: 5_000 });
    bench.source.offer(v1);
    bench.updates.desired('blink', envelopeFor(1, v1, { probationSeconds: 20 }));
    await bench.clock.elapse(20_000);
    await bench.updates.idle();
    expect(bench.sink.last?.state).toBe('active');
  });

  it('cuts capabilities to what the release role may grant', async () => {
    const bench = await Bench.start();
    await bench.push(
      1,
      moduleBytes('good-1', { capabilities: ['iot:gpio', 'wascc:http_client', 'iot:mqtt'] }),
    );
    expect(bench.target.running.get('blink')?.capabilities).toEqual(['iot:gpio', 'iot:mqtt']);
  });

  it('says what a module may use that the one before it may not', async () => {
    const bench = await Bench.start();
    await bench.push(1, v1);
    await bench.push(2, moduleBytes('good-2', { capabilities: ['iot:gpio', 'iot:mqtt'] }));
    const grown = bench.sink.statuses.map((status) => status.grown).filter((one) => one !== undefined);
    expect(grown).toEqual([['blink iot:mqtt']]);
  });

  it('works on a real disk, and is still there after a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ota-'));
    try {
      const bench = await Bench.start({ fs: nodeFileSystem, folder });
      await bench.push(7, v1);
      expect(bench.sink.lines()).toEqual(HAPPY);
      expect((await readdir(folder)).sort()).toEqual(['blobs', 'state.a', 'state.b', 'tmp', 'trust']);
      const blob = await stat(join(folder, 'blobs', `${digestOf(v1)}.wasm`));
      expect(blob.mode & 0o777).toBe(0o444);
      await bench.updates.stop();
      const again = await bench.restart();
      expect(again.running).toBe('good-1');
      expect(again.updates.installed('blink')?.bytes).toEqual(v1);
      expect(again.updates.session).toBe(2);
      expect(again.updates.floor('blink')).toBe(7);
      await again.updates.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
