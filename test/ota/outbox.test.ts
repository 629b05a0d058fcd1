import { describe, expect, it } from 'vitest';
import { silentLogger } from '#runtime/base/logger.js';
import { MAX_STATUSES, Reporter } from '#runtime/ota/machine/reporter.js';
import { EMPTY_COMPONENT, MAX_REPORTS } from '#runtime/ota/storage/record.js';
import { decodeRecord } from '#runtime/ota/storage/record-codec.js';
import { StateFiles } from '#runtime/ota/storage/state-files.js';
import { Store } from '#runtime/ota/storage/store.js';
import { signerFromSeed } from '#runtime/trust/cose/signer.js';
import { publicFromSeed } from '#runtime/trust/ed25519.js';
import { readReport } from '#runtime/trust/suit/report.js';
import { MemoryFileSystem, systemError } from '../helpers/memory-fs.js';
import { MemorySink } from '../helpers/status-sink.js';
import { Bench, deviceSeed, moduleBytes } from './bench.js';

const stranger = signerFromSeed(new Uint8Array(32).fill(9));

const reportsOf = (bench: Bench) =>
  bench.sink.reports.map((bytes) => {
    const { state, outcome, attempt } = readReport(bytes, publicFromSeed(deviceSeed));
    return `${state} ${outcome} ${attempt}`;
  });

/** The records on a disk, newest first. */
function records(fs: MemoryFileSystem) {
  const found = ['/ota/state.a', '/ota/state.b'].map((path) => decodeRecord(fs.content(path)));
  return found.filter((record) => record !== undefined).sort((a, b) => b.generation - a.generation);
}

describe('reports', () => {
  it('are in the record with the ending itself, and gone once they were taken', async () => {
    const bench = await Bench.start();
    bench.sink.deaf = true;
    await bench.push(7, moduleBytes('good-1'));
    const [newest, before] = records(bench.memory);
    expect(newest?.components.blink?.active?.sequence).toBe(7);
    expect(newest?.outbox).toMatchObject([{ state: 'active', attempt: 1 }]);
    expect(before?.components.blink?.active).toBeUndefined();
    expect(before?.outbox).toEqual([]);
    bench.sink.deaf = false;
    bench.updates.connected();
    await bench.updates.idle();
    expect(reportsOf(bench)).toEqual(['active done 1']);
    expect(records(bench.memory)[0]?.outbox).toEqual([]);
    bench.updates.connected();
    await bench.updates.idle();
    expect(bench.sink.reports).toHaveLength(1);
  });

  it('of every kind of end survive a restart with a broker that is down across it', async () => {
    const bench = await Bench.start();
    bench.sink.deaf = true;
    await bench.push(7, moduleBytes('good-1'));
    await bench.push(8, moduleBytes('trap-2'));
    await bench.push(9, moduleBytes('good-3', { refused: true }));
    const again = await bench.restart({ deaf: true });
    await again.updates.idle();
    const third = await again.restart({ deaf: false });
    await third.updates.idle();
    expect(reportsOf(third)).toEqual([
      'active done 1',
      'rolled-back E_PROBATION_TRAP 2',
      'rejected E_IMPORT 3',
    ]);
    expect((await third.restart()).sink.reports).toEqual([]);
  });

  it('come again under the same name when the disk did not let go of them', async () => {
    const bench = await Bench.start();
    bench.sink.deaf = true;
    await bench.push(7, moduleBytes('good-1'));
    bench.sink.deaf = false;
    bench.memory.before = (operation, path) => {
      if (operation === 'pwrite') throw systemError('EIO', path);
    };
    bench.updates.connected();
    await bench.updates.idle();
    bench.updates.connected();
    await bench.updates.idle();
    expect(reportsOf(bench)).toEqual(['active done 1']);
    const again = await bench.restart();
    await again.updates.idle();
    expect(reportsOf(again)).toEqual(['active done 1']);
  });

  it('beyond the most that are kept push out the oldest, and are counted', async () => {
    const bench = await Bench.start();
    bench.sink.deaf = true;
    for (let n = 1; n <= MAX_REPORTS + 3; n++) {
      await bench.push(n, moduleBytes(`good-${n}`, { refused: true, size: 1000 }));
    }
    const [newest] = records(bench.memory);
    expect(newest?.outbox).toHaveLength(MAX_REPORTS);
    expect(newest).toMatchObject({ reports: MAX_REPORTS + 3, reportsDropped: 3 });
    const again = await bench.restart();
    await again.updates.idle();
    expect(reportsOf(again)[0]).toBe('rejected E_IMPORT 4');
    expect(again.sink.reports).toHaveLength(MAX_REPORTS);
  });

  it('of what was never authentic wait for the broker without a write', async () => {
    const bench = await Bench.start();
    bench.sink.deaf = true;
    const writes: string[] = [];
    bench.memory.before = (operation, path) => void writes.push(`${operation} ${path}`);
    for (let n = 1; n <= MAX_REPORTS + 2; n++) {
      await bench.push(n, moduleBytes(`good-${n}`, { size: 1000 }), { signers: [stranger] });
    }
    expect(writes).toEqual([]);
    bench.sink.deaf = false;
    bench.updates.connected();
    await bench.updates.idle();
    expect(reportsOf(bench)).toEqual(Array.from({ length: MAX_REPORTS }, () => 'rejected E_UNTRUSTED 0'));
  });
});

describe('statuses', () => {
  it('of one deployment are so many at most, and how it ends is always said', async () => {
    const sink = new MemorySink();
    const store = new Store(new StateFiles(new MemoryFileSystem(), '/ota', silentLogger));
    const reporter = new Reporter(store, sink, 'pi-01', signerFromSeed(deviceSeed), silentLogger);
    const step = { component: 'blink', deployment: 'ab'.repeat(32) };
    for (let percent = 0; percent < 100; percent++) {
      reporter.status({ ...step, state: 'fetching', percent }, EMPTY_COMPONENT);
    }
    reporter.status({ ...step, state: 'failed' }, EMPTY_COMPONENT);
    reporter.status({ ...step, deployment: 'cd'.repeat(32), state: 'received' }, EMPTY_COMPONENT);
    await reporter.flushed();
    expect(sink.statuses).toHaveLength(MAX_STATUSES + 1);
    expect(sink.lines().slice(-3)).toEqual(['fetching 62', 'failed', 'received']);
  });
});
