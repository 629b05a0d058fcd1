import { describe, expect, it } from 'vitest';
import { createLogger } from '#runtime/base/pino-logger.js';
import { BUILT } from '#runtime/base/version.js';
import { ManualClock } from '../../helpers/manual-clock.js';
import { MemoryFileSystem, systemError } from '../../helpers/memory-fs.js';
import { Bench, type BenchOptions, digestOf, GivenTrust, moduleBytes } from '../bench.js';
import { documentOf, ISSUED, releases } from './documents.js';

const v1 = moduleBytes('good-1');
const v2 = moduleBytes('good-2');
const signers = [releases[0]];
const raw = (bytes: Uint8Array) => Uint8Array.from(Buffer.from(digestOf(bytes), 'hex'));

async function device(given: Uint8Array | undefined, options: BenchOptions = {}): Promise<Bench> {
  return Bench.start({ given: new GivenTrust(given), ...options });
}

/** A disk whose stored document `version` is not what it was. */
function damaged(bench: Bench, version: number): MemoryFileSystem {
  const fs = bench.memory.clone();
  const bytes = fs.content(`/ota/trust/${version}`);
  bytes[bytes.length >> 1]! ^= 1;
  return fs;
}

const version = (bench: Bench) => bench.updates.trust.current()?.version;
const files = (bench: Bench) =>
  [...bench.memory.files.keys()].filter((name) => name.startsWith('/ota/trust/')).sort();

describe('the document that the owner puts on a device', () => {
  it('is stored, and goes on without the local file', async () => {
    const bench = await device(documentOf(3));
    expect(version(bench)).toBe(3);
    expect(files(bench)).toEqual(['/ota/trust/3']);
    const again = await bench.restart({ given: new GivenTrust() });
    expect(version(again)).toBe(3);
    await again.push(1, v1, { signers });
    expect(again.running).toBe('good-1');
  });

  it('is replaced by a newer one, whoever signed that, and the one before stays beside it', async () => {
    const given = new GivenTrust(documentOf(3));
    const bench = await Bench.start({ given });
    given.put(documentOf(5, { roots: [2, 3] }));
    expect(version(bench)).toBe(5);
    await bench.updates.trust.settled();
    given.put(documentOf(6));
    expect(version(bench)).toBe(6);
    await bench.updates.trust.settled();
    expect(files(bench)).toEqual(['/ota/trust/5', '/ota/trust/6']);
    expect(bench.trustChanges).toBe(3);
  });

  it.each([
    ['older', documentOf(2), 'E_OLDER', 'its version is 2, and 3 has been in force'],
    ['of the same number', documentOf(3, { release: 1 }), 'E_EQUIVOCATION', 'accepted with other content'],
    ['for a newer host', documentOf(4, { minimumHost: [1, 3] }), 'E_HOST_TOO_OLD', 'needs iot-host 1.3'],
    ['nonsense', new Uint8Array(40), 'E_ENVELOPE', 'is not used'],
  ])('is refused when it is %s, and the number does not go down', async (_what, bytes, _code, text) => {
    const lines: string[] = [];
    const log = createLogger('warn', { write: (line) => lines.push(line) });
    const given = new GivenTrust(documentOf(3));
    const bench = await Bench.start({ given, log, hostVersion: '1.2.9' });
    given.put(bytes);
    expect(version(bench)).toBe(3);
    expect(lines.join()).toContain(text);
    given.put(bytes);
    const again = await bench.restart();
    expect(version(again)).toBe(3);
    expect(bench.trustChanges).toBe(1);
  });

  it('is in force although the disk does not take it, and is stored with the next start', async () => {
    const fs = new MemoryFileSystem();
    fs.before = (operation, path) => {
      if (operation === 'pwrite' && path.includes('/trust/')) throw systemError('ENOSPC', path);
    };
    const bench = await device(documentOf(1), { fs });
    await bench.push(1, v1, { signers });
    expect(bench.running).toBe('good-1');
    expect(files(await bench.restart({ given: new GivenTrust(documentOf(1)) }))).toEqual(['/ota/trust/1']);
  });

  it('is written before the record names it', async () => {
    const order: string[] = [];
    const fs = new MemoryFileSystem();
    await Bench.start({ fs, given: new GivenTrust() });
    fs.before = (operation, path) => void order.push(`${operation} ${path.replace('/ota/', '')}`);
    await device(documentOf(1), { fs });
    const named = order.findIndex((step) => step.startsWith('pwrite state.'));
    expect(order.slice(0, named).filter((step) => step.includes('trust'))).toEqual([
      'mkdir trust',
      'open trust/new',
      'pwrite trust/new',
      'fsync trust/new',
      'rename trust/1',
      'fsyncDir trust',
    ]);
  });
});

describe('documents over the network', () => {
  it('are never the first one', async () => {
    const bench = await device(undefined);
    await expect(bench.updates.trust.update([documentOf(1)])).rejects.toMatchObject({ code: 'E_NO_TRUST' });
    expect(files(bench)).toEqual([]);
  });

  it('rotate the roots one by one, each stored before the next is looked at', async () => {
    const bench = await device(documentOf(1));
    const chain = [
      documentOf(2, { roots: [1, 2], signedBy: [0, 1, 2] }),
      documentOf(3, { roots: [2, 3], signedBy: [1, 2, 3], release: 1 }),
    ];
    const names: string[] = [];
    bench.memory.before = (operation, path) => {
      if (operation === 'rename') names.push(path);
    };
    expect(await bench.updates.trust.update(chain)).toBe(3);
    expect(names).toEqual(['/ota/trust/2', '/ota/trust/3']);
    expect(files(bench)).toEqual(['/ota/trust/2', '/ota/trust/3']);
    // The release key of before is not in it: revoked, also over a restart.
    const again = await bench.restart({ given: new GivenTrust(documentOf(1)) });
    expect(version(again)).toBe(3);
    await again.push(1, v1, { signers });
    expect(again.sink.lines()).toEqual(['received', 'rejected E_UNTRUSTED']);
    await again.push(2, v1, { signers: [releases[1]] });
    expect(again.running).toBe('good-1');
  });

  it('may begin before the one in force, and are answered the same when they come twice', async () => {
    const bench = await device(documentOf(1));
    const chain = [documentOf(1), documentOf(2), documentOf(3)];
    expect(await bench.updates.trust.update(chain)).toBe(3);
    expect(await bench.updates.trust.update(chain)).toBe(3);
    expect(await bench.updates.trust.update(chain.slice(2))).toBe(3);
    expect(bench.trustChanges).toBe(3);
  });

  const refused: [string, Uint8Array, string][] = [
    ['is older', documentOf(1), 'E_OLDER'],
    ['leaves one out', documentOf(4), 'E_UNTRUSTED'],
    ['has the same number and other content', documentOf(2, { release: 1 }), 'E_OLDER'],
    ['is not signed by the roots before it', documentOf(3, { roots: [2, 3] }), 'E_UNTRUSTED'],
    ['is signed by one root of before', documentOf(3, { roots: [1, 2] }), 'E_UNTRUSTED'],
    ['is not signed by its own roots', documentOf(3, { roots: [2, 3], signedBy: [0, 1] }), 'E_UNTRUSTED'],
    ['needs a newer host', documentOf(3, { minimumHost: [1, 2, 4] }), 'E_HOST_TOO_OLD'],
    ['is nonsense', Uint8Array.of(1, 2, 3), 'E_ENVELOPE'],
  ];
  it.each(refused)(
    'a document that %s is refused, and what went before it stays',
    async (_what, bytes, code) => {
      const bench = await device(documentOf(1), { hostVersion: '1.2.3' });
      await expect(bench.updates.trust.update([documentOf(2), bytes])).rejects.toMatchObject({ code });
      expect(version(bench)).toBe(2);
      expect(version(await bench.restart({ given: new GivenTrust() }))).toBe(2);
    },
  );

  it('are so many at once at most', async () => {
    const bench = await device(documentOf(1));
    const chain = Array.from({ length: 33 }, (_, index) => documentOf(index + 2));
    await expect(bench.updates.trust.update(chain)).rejects.toMatchObject({ code: 'E_TOO_LARGE' });
    expect(version(bench)).toBe(1);
    expect(await bench.updates.trust.update(chain.slice(0, 32))).toBe(33);
  });

  it('do not count when the disk does not take them', async () => {
    const bench = await device(documentOf(1));
    bench.memory.before = (operation, path) => {
      if (operation === 'rename') throw systemError('EIO', path);
    };
    await expect(bench.updates.trust.update([documentOf(2)])).rejects.toMatchObject({ code: 'E_INTERNAL' });
    expect(version(bench)).toBe(1);
  });
});

describe('a stored document that is damaged', () => {
  const chain = [documentOf(1), documentOf(2), documentOf(3, { release: 1 })];
  const at3 = async () => {
    const bench = await device(chain[0]);
    await bench.push(1, v1, { signers });
    await bench.updates.trust.update(chain);
    return bench;
  };

  it('has the one before stand in: what runs goes on, nothing new does, and the newest may come again', async () => {
    const bench = await at3();
    const again = await bench.restart({ fs: damaged(bench, 3), given: new GivenTrust() });
    expect(again.running).toBe('good-1');
    expect(version(again)).toBe(2);
    expect(again.updates.trust.problem()).toContain(
      'trust document 3 on this device is damaged, 2 stands in',
    );
    // The key that version 3 revoked does not come back.
    await again.push(2, v2, { signers });
    expect(again.sink.last?.reason?.code).toBe('E_NO_TRUST');
    await expect(again.updates.trust.update([documentOf(3)])).rejects.toMatchObject({
      code: 'E_EQUIVOCATION',
    });
    expect(await again.updates.trust.update(chain)).toBe(3);
    expect(again.updates.trust.problem()).toBeUndefined();
    await again.push(3, v2, { signers: [releases[1]] });
    expect(again.running).toBe('good-2');
    expect(version(await again.restart())).toBe(3);
  });

  it('is replaced by the same one from the local file', async () => {
    const bench = await at3();
    const again = await bench.restart({ fs: damaged(bench, 3), given: new GivenTrust(chain[2]) });
    expect(version(again)).toBe(3);
    expect(again.updates.trust.problem()).toBeUndefined();
    await again.updates.trust.settled();
    expect(version(await again.restart({ given: new GivenTrust() }))).toBe(3);
  });

  it('is not replaced by another one of its number', async () => {
    const bench = await at3();
    const given = new GivenTrust(documentOf(3));
    const again = await bench.restart({ fs: damaged(bench, 3), given });
    expect(version(again)).toBe(2);
  });

  it('has an old local file stand in when nothing else can be read, and the network leads on from it', async () => {
    const bench = await at3();
    const fs = damaged(bench, 3);
    fs.files.delete('/ota/trust/2');
    const again = await bench.restart({ fs, given: new GivenTrust(chain[0]) });
    expect(version(again)).toBe(1);
    expect(again.updates.trust.problem()).toContain('1 stands in');
    expect(await again.updates.trust.update(chain)).toBe(3);
    expect(again.updates.trust.problem()).toBeUndefined();
  });
});

describe('a document that expires', () => {
  const expires = ISSUED + 2_000_000;
  const late = () => new ManualClock((expires + 1) * 1000);

  it('stops nothing that runs, refuses what is new, and is followed by the next', async () => {
    const bench = await device(documentOf(1, { expires }));
    await bench.push(1, v1, { signers });
    const again = await bench.restart({ clock: late() });
    expect(again.running).toBe('good-1');
    expect(again.updates.trust.problem()).toMatch(
      /^trust document 1 expired at .*: nothing new is accepted$/,
    );
    const envelope = await again.push(2, v2, { signers });
    expect(again.sink.lines()).toEqual(['received', 'rejected E_EXPIRED']);
    expect(await again.updates.trust.update([documentOf(2)])).toBe(2);
    expect(again.updates.trust.problem()).toBeUndefined();
    expect(again.trustChanges).toBe(1);
    again.updates.desired('blink', envelope);
    await again.updates.idle();
    expect(again.running).toBe('good-2');
  });

  it('is not judged by a clock that nobody has set, until its time has certainly passed', async () => {
    const bench = await device(documentOf(1, { expires }));
    const clock = late();
    clock.isTrusted = false;
    const again = await bench.restart({ clock });
    expect(again.updates.trust.problem()).toBeUndefined();
    await again.push(1, v1, { signers });
    expect(again.running).toBe('good-1');
    const dead = await device(documentOf(1, { issued: 10, expires: BUILT - 1 }), {
      clock: new ManualClock(0),
    });
    expect(dead.updates.trust.problem()).toContain('expired');
  });
});

describe('a stolen release key', () => {
  const reset = { component: ['actor', 'blink'], floor: 100 };
  const evil = moduleBytes('good-evil');
  /** The thief has signed the highest number that there is. */
  const robbed = async () => {
    const bench = await device(documentOf(1));
    await bench.push(50, v1, { signers });
    await bench.push(2 ** 53 - 1, evil, { signers });
    expect(bench.running).toBe('good-evil');
    await bench.push(51, v2, { signers });
    expect(bench.sink.lines(51).at(-1)).toBeUndefined();
    expect(bench.sink.last?.reason?.code).toBe('E_OLDER');
    bench.sink.clear();
    return bench;
  };

  it('is dropped with a floor reset, and normal numbers work again', async () => {
    const bench = await robbed();
    const next = documentOf(2, { release: 1, resets: [reset], blocked: [raw(evil)] });
    expect(await bench.updates.trust.update([next])).toBe(2);
    expect(bench.updates.floor('blink')).toBe(100);
    await bench.push(102, v1, { signers });
    expect(bench.sink.last?.reason?.code).toBe('E_UNTRUSTED');
    await bench.push(99, v1, { signers: [releases[1]] });
    expect(bench.sink.last?.reason?.code).toBe('E_OLDER');
    await bench.push(101, v2, { signers: [releases[1]] });
    expect(bench.running).toBe('good-2');
    expect(bench.updates.floor('blink')).toBe(101);
  });

  it('the reset is made once: documents that hand it on do not repeat it', async () => {
    const bench = await robbed();
    const with1 = (more: object) => ({ release: 1, resets: [reset], ...more });
    await bench.updates.trust.update([documentOf(2, with1({}))]);
    await bench.push(500, v2, { signers: [releases[1]] });
    await bench.updates.trust.update([documentOf(3, with1({ expires: ISSUED * 2 }))]);
    expect(bench.updates.floor('blink')).toBe(500);
    const again = await bench.restart({ given: new GivenTrust(documentOf(1)) });
    expect(again.updates.floor('blink')).toBe(500);
    const other = { component: ['actor', 'blink'], floor: 200 };
    await again.updates.trust.update([documentOf(4, with1({ resets: [other] }))]);
    expect(again.updates.floor('blink')).toBe(200);
  });

  it('what it has signed and is on its way in does not come in', async () => {
    const bench = await device(documentOf(1), { dwellMs: 5_000 });
    bench.source.offer(evil);
    const probation = bench.sink.next('probation');
    const pushed = bench.push(2 ** 53 - 1, evil, { signers });
    await probation;
    await bench.updates.trust.update([documentOf(2, { release: 1, resets: [reset] })]);
    await pushed;
    expect(bench.running).toBeUndefined();
    expect(bench.updates.floor('blink')).toBe(100);
    expect(bench.sink.last).toMatchObject({ state: 'rejected', reason: { code: 'E_UNTRUSTED' } });
    await bench.restart();
  });

  it('a module that is blocked runs until the next start, and the one before it from then on', async () => {
    const bench = await robbed();
    await bench.updates.trust.update([documentOf(2, { blocked: [raw(evil)] })]);
    expect(bench.running).toBe('good-evil');
    const again = await bench.restart();
    expect(again.running).toBe('good-1');
    await again.updates.idle();
    expect(again.sink.last).toMatchObject({ state: 'rolled-back', reason: { code: 'E_BLOCKED' } });
    expect((await again.restart()).running).toBe('good-1');
  });

  it('with both modules blocked nothing runs, and the next push does', async () => {
    const bench = await robbed();
    await bench.updates.trust.update([
      documentOf(2, { blocked: [raw(evil), raw(v1)], resets: [reset], release: 1 }),
    ]);
    const again = await bench.restart();
    expect(again.running).toBeUndefined();
    await again.push(101, v1, { signers: [releases[1]] });
    expect(again.sink.last?.reason?.code).toBe('E_BLOCKED');
    await again.push(102, v2, { signers: [releases[1]] });
    expect(again.running).toBe('good-2');
  });
});
