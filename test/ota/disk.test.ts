import { describe, expect, it } from 'vitest';
import { type Operation, systemError } from '../helpers/memory-fs.js';
import { Bench, digestOf, envelopeFor, HAPPY, moduleBytes } from './bench.js';

const v1 = moduleBytes('good-1');
const v2 = moduleBytes('good-2');

async function settled(): Promise<Bench> {
  const bench = await Bench.start();
  await bench.push(1, v1);
  bench.sink.clear();
  return bench;
}

describe('a full disk', () => {
  it('is noticed before anything is fetched: a quarter more than the module must be free', async () => {
    const bench = await settled();
    bench.memory.free = 49_999;
    const sent = bench.source.sent.length;
    await bench.push(2, v2);
    expect(bench.sink.lines()).toEqual(['received', 'verified', 'fetching 0', 'failed E_NO_SPACE']);
    expect(bench.source.sent).toHaveLength(sent);
    bench.memory.free = 50_000;
    await bench.push(2, v2);
    expect(bench.running).toBe('good-2');
  });

  const places: [string, Operation, string][] = [
    ['while chunks are written', 'pwrite', '.part'],
    ['when the file is created', 'open', '.part'],
    ['when it is synced', 'fsync', '.part'],
    ['when it is renamed', 'rename', 'blobs'],
  ];
  it.each(places)(
    '%s: the update fails, what runs stays, and it works once there is room',
    async (_, operation, place) => {
      const bench = await settled();
      bench.memory.before = (now, path) => {
        if (now === operation && path.includes(place)) throw systemError('ENOSPC', path);
      };
      await bench.push(2, v2);
      expect(bench.sink.lines().at(-1)).toBe('failed E_NO_SPACE');
      expect(bench.running).toBe('good-1');
      expect([...bench.memory.files.keys()].filter((name) => name.includes('tmp'))).toEqual([]);
      bench.memory.before = () => {};
      bench.sink.clear();
      await bench.push(2, v2);
      expect(bench.sink.lines()).toEqual(HAPPY);
    },
  );

  it('when the record cannot be written the module is not run', async () => {
    const bench = await settled();
    bench.memory.before = (operation, path) => {
      if (operation === 'fdatasync') throw systemError('ENOSPC', path);
    };
    bench.target.log.length = 0;
    await bench.push(2, v2);
    expect(bench.sink.lines().slice(-2)).toEqual(['fetching 100', 'failed E_NO_SPACE']);
    expect(bench.target.log).toEqual([]);
  });

  it('when the commit cannot be written the module is taken back', async () => {
    const bench = await settled();
    let writes = 0;
    bench.memory.before = (operation, path) => {
      if (operation !== 'fdatasync') return;
      writes += 1;
      if (writes === 3) throw systemError('EIO', path);
    };
    await bench.push(2, v2);
    expect(bench.sink.lines().slice(-2)).toEqual(['probation', 'failed E_INTERNAL']);
    expect(bench.running).toBe('good-1');
    expect((await bench.restart()).running).toBe('good-1');
  });
});

it('a disk that takes a few bytes at a time is only slower', async () => {
  const bench = await settled();
  bench.memory.longestWrite = 1000;
  await bench.push(2, v2);
  expect(bench.sink.lines()).toEqual(HAPPY);
});

it('a module that is there already is hashed before it is believed', async () => {
  const bench = await settled();
  bench.memory.files.set(`/ota/blobs/${digestOf(v2)}.wasm`, v1);
  await bench.push(2, v2);
  expect(bench.sink.lines()).toEqual(HAPPY);
});

describe('the power is cut before every operation on the disk in turn', () => {
  it.each([
    ['good-2', 'good-2', 'active'],
    ['trap-2', 'good-1', 'rolled-back'],
  ])(
    'of an update to %s: %s runs in the end, and never anything else than old or new',
    async (name, runs, state) => {
      const wanted = moduleBytes(name);
      const envelope = envelopeFor(2, wanted);
      let cuts = 0;
      for (let finished = false; !finished; cuts++) {
        const bench = await (await settled()).restart();
        let operations = 0;
        bench.memory.before = (_, path) => {
          operations += 1;
          if (operations > cuts) throw systemError('EIO', path);
        };
        await bench.push(2, wanted);
        finished = operations <= cuts;

        const again = await bench.restart();
        expect(again.running).toBe(
          bench.memory.files.size > 0 && again.updates.floor('blink') === 2 ? 'good-2' : 'good-1',
        );
        again.source.offer(wanted);
        again.updates.desired('blink', envelope);
        await again.updates.idle();
        expect([cuts, again.running, again.sink.last?.state]).toEqual([cuts, runs, state]);
        expect((await again.restart()).running).toBe(runs);
      }
      expect(cuts).toBeGreaterThan(15);
    },
  );
});

it('a module that cannot be read once is read again: there may be no other', async () => {
  const bench = await settled();
  const open = bench.fs.open.bind(bench.fs);
  const disk = bench.memory.clone();
  const failures = [systemError('EIO', 'once')];
  disk.open = async (path, mode) => {
    const failure = mode === 'read' && path.endsWith('.wasm') ? failures.pop() : undefined;
    if (failure !== undefined) throw failure;
    return open(path, mode);
  };
  expect((await bench.restart({ fs: disk })).running).toBe('good-1');
  expect(failures).toEqual([]);
});

it('a module that does not stay on the disk is not the sender’s fault: the same push may come again', async () => {
  const bench = await settled();
  const open = bench.fs.open.bind(bench.fs);
  bench.fs.open = async (path, mode) => {
    if (mode === 'read' && path.includes(digestOf(v2))) throw systemError('EIO', path);
    return open(path, mode);
  };
  await bench.push(2, v2);
  expect(bench.sink.lines().at(-1)).toBe('failed E_INTERNAL');
  bench.fs.open = open;
  await bench.push(2, v2);
  expect(bench.running).toBe('good-2');
});
