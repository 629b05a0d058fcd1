import { describe, expect, it } from 'vitest';
import { silentLogger } from '#runtime/base/logger.js';
import { EMPTY_STATE, type StateRecord } from '#runtime/ota/storage/record.js';
import { decodeRecord, encodeRecord, STATE_BYTES } from '#runtime/ota/storage/record-codec.js';
import { StateFiles } from '#runtime/ota/storage/state-files.js';
import { MemoryFileSystem, systemError } from '../../helpers/memory-fs.js';

const empty = EMPTY_STATE;
const digest = 'ab'.repeat(32);
const full: StateRecord = {
  generation: 3,
  session: 2,
  timeFloor: 1_800_000_000,
  trustN: 3,
  trustDigest: 'ab'.repeat(32),
  outbox: [
    { deployment: 'ab'.repeat(32), state: 'active', attempt: 4 },
    { deployment: 'cd'.repeat(32), state: 'rejected', code: 'E_IMPORT', timeUnverified: true, attempt: 5 },
  ],
  reports: 5,
  reportsDropped: 1,
  components: {
    constructor: { floor: 0, blocked: [] },
    blink: {
      active: {
        digest,
        sequence: 7,
        deployment: digest,
        key: 'M1',
        name: 'blink',
        version: '1',
        capabilities: ['iot:gpio'],
      },
      pending: {
        ...{ digest, sequence: 2 ** 53 - 1, deployment: digest, key: 'M1', name: 'blink', capabilities: [] },
        ...{ phase: 'probation', left: 2, dwellMs: 5000, securityFloor: 1 },
      },
      floor: 7,
      floorDeployment: digest,
      blocked: [digest],
      ending: {
        deployment: digest,
        sequence: 6,
        state: 'rolled-back',
        reason: { code: 'E_PROBATION_TRAP', message: 'x' },
      },
      stores: { deployment: digest, count: 4 },
    },
  },
};

async function opened(fs: MemoryFileSystem): Promise<[StateFiles, StateRecord]> {
  const files = new StateFiles(fs, '/s', silentLogger);
  return [files, await files.open()];
}

/** Nothing of the content that they have now can be read any more. */
function loseToTheDisk(fs: MemoryFileSystem, names: readonly string[]): void {
  const open = fs.open.bind(fs);
  const lost = new Set(names.map((name) => fs.content(name)));
  fs.open = async (path, mode) => {
    const file = await open(path, mode);
    if (lost.has(fs.content(path))) file.read = () => Promise.reject(systemError('EIO', path));
    return file;
  };
}

describe('the record', () => {
  it('is read as it was written', () => {
    expect(decodeRecord(encodeRecord(full))).toEqual(full);
  });

  it('is not read when any byte of it is another, or it is cut short', () => {
    const bytes = encodeRecord(full);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(decodeRecord(changed)).toBeUndefined();
      expect(decodeRecord(bytes.subarray(0, at))).toBeUndefined();
    }
  });

  it('is not read when it is whole but makes no sense', () => {
    const wrong = { ...full, session: -1 };
    expect(decodeRecord(encodeRecord(wrong))).toBeUndefined();
    expect(decodeRecord(encodeRecord({ ...full, extra: 1 } as StateRecord))).toBeUndefined();
  });

  it('has a size that it may not exceed', () => {
    const names = Array.from(
      { length: 1000 },
      (_, index) => [`slot-${index}`, full.components.blink!] as const,
    );
    expect(() => encodeRecord({ ...full, components: Object.fromEntries(names) })).toThrowError(
      expect.objectContaining({ code: 'E_TOO_LARGE' }),
    );
  });
});

describe('the two files', () => {
  it('are there at their full size from the beginning, and are written in turn', async () => {
    const fs = new MemoryFileSystem();
    const [files, first] = await opened(fs);
    expect(first).toEqual(empty);
    expect([...fs.files].map(([name, bytes]) => [name, bytes.length])).toEqual([
      ['/s/state.a', STATE_BYTES],
      ['/s/state.b', STATE_BYTES],
    ]);
    const written: string[] = [];
    fs.before = (operation, path) => written.push(`${operation} ${path}`);
    for (let session = 1; session <= 3; session++) await files.write({ ...empty, session });
    expect(written).toEqual(
      ['a', 'b', 'a'].flatMap((name) => [`pwrite /s/state.${name}`, `fdatasync /s/state.${name}`]),
    );
    expect((await opened(fs))[1]).toMatchObject({ generation: 3, session: 3 });
  });

  it('the older one is used when any byte of the newest is damaged', async () => {
    const fs = new MemoryFileSystem();
    const [files] = await opened(fs);
    await files.write({ ...full, session: 1 });
    const newest = await files.write({ ...full, session: 2 });
    const length = encodeRecord(newest).length;
    for (let at = 0; at < length; at++) {
      const disk = fs.clone();
      disk.content('/s/state.b')[at]! ^= 1;
      const [again, record] = await opened(disk);
      expect(record).toMatchObject({ generation: 1, session: 1 });
      // The damaged file, not the good one, is written next.
      await again.write({ ...record, session: 9 });
      expect(decodeRecord(disk.content('/s/state.a'))?.session).toBe(1);
      expect((await opened(disk))[1].session).toBe(9);
    }
  });

  it('one that the disk has lost is made up for by the other, and made anew', async () => {
    const fs = new MemoryFileSystem();
    const [files] = await opened(fs);
    await files.write({ ...empty, session: 1 });
    await files.write({ ...empty, session: 2 });
    for (const [name, session] of [
      ['/s/state.a', 2],
      ['/s/state.b', 1],
    ] as const) {
      const disk = fs.clone();
      loseToTheDisk(disk, [name]);
      const [again, record] = await opened(disk);
      expect(record.session).toBe(session);
      expect(disk.content(name)).toHaveLength(STATE_BYTES);
      expect(decodeRecord(disk.content(name))).toBeUndefined();
      await again.write({ ...record, session: 9 });
      expect(decodeRecord(disk.content(name))?.session).toBe(9);
    }
    // Both: an empty record would let in what is older than what runs.
    loseToTheDisk(fs, ['/s/state.a', '/s/state.b']);
    await expect(opened(fs)).rejects.toThrow('EIO');
    expect(['a', 'b'].map((name) => decodeRecord(fs.content(`/s/state.${name}`))?.session)).toEqual([1, 2]);
  });

  it('a failed write leaves the newest record alone, and its number is not used again', async () => {
    const fs = new MemoryFileSystem();
    const [files] = await opened(fs);
    await files.write({ ...empty, session: 1 });
    fs.before = (operation, path) => {
      if (operation === 'fdatasync') throw systemError('EIO', path);
    };
    await expect(files.write({ ...empty, session: 2 })).rejects.toThrow('EIO');
    fs.before = () => {};
    await files.write({ ...empty, session: 3 });
    expect(decodeRecord(fs.content('/s/state.a'))).toMatchObject({ generation: 1, session: 1 });
    expect((await opened(fs))[1]).toMatchObject({ generation: 3, session: 3 });
  });

  it('are completed when their creation was interrupted', async () => {
    const fs = new MemoryFileSystem();
    fs.files.set('/s/state.a', new Uint8Array(100));
    const [, record] = await opened(fs);
    expect(record).toEqual(empty);
    expect(fs.content('/s/state.a')).toHaveLength(STATE_BYTES);
  });

  it('are written whole by a disk that takes a few bytes at a time', async () => {
    const fs = new MemoryFileSystem();
    const [files] = await opened(fs);
    fs.longestWrite = 7;
    await files.write(full);
    expect((await opened(fs))[1]).toEqual({ ...full, generation: 1 });
  });
});
