import { expect, it } from 'vitest';
import { silentLogger } from '#runtime/base/logger.js';
import { Blobs } from '#runtime/ota/storage/blobs.js';
import { EMPTY_STATE } from '#runtime/ota/storage/record.js';
import { StateFiles } from '#runtime/ota/storage/state-files.js';
import { digestOf } from '../bench.js';
import { Disk } from '../explorer/disk.js';
import { imagesOf } from '../explorer/images.js';

const FOLDER = '/data/ota';
const PART = `${FOLDER}/new.part`;
const bytes = Uint8Array.from(Buffer.from('a module'));
const digest = digestOf(bytes);

const stateFiles = (disk: Disk) => new StateFiles(disk, FOLDER, silentLogger);

async function blobsOn(disk: Disk): Promise<Blobs> {
  const blobs = new Blobs(disk, `${FOLDER}/blobs`, 1000, silentLogger);
  await blobs.open();
  return blobs;
}

/** The host is killed when it has done that once, before it has synced it; what it wrote stays in the system's memory. */
function killAfter(disk: Disk, last: string): Promise<void> {
  let calls = 0;
  return new Promise((resolve) => {
    disk.watch = (operation) => {
      if (operation === last) calls += 1;
      // Called before and after.
      if (calls < 2) return;
      disk.dead = true;
      resolve();
    };
  });
}

/** The next host on what is left, which nothing has reached the disk of since. */
function revived(disk: Disk): Disk {
  disk.watch = () => {};
  const next = disk.fork();
  next.dead = false;
  return next;
}

it('believes a record that was not synced only once it would survive a power cut', async () => {
  const disk = Disk.empty('/data');
  const files = stateFiles(disk);
  await files.open();
  await files.write({ ...EMPTY_STATE, session: 1 });
  disk.settle();
  const killed = killAfter(disk, 'pwrite');
  void files.write({ ...EMPTY_STATE, session: 2 });
  await killed;
  const next = revived(disk);
  expect((await stateFiles(next).open()).session).toBe(2);
  const found = await Promise.all([...imagesOf(next)].map((image) => stateFiles(image).open()));
  expect(new Set(found.map(({ session }) => session))).toEqual(new Set([2]));
});

it('runs a module of which the name was not synced only once that would survive a power cut', async () => {
  const disk = Disk.empty('/data');
  const blobs = await blobsOn(disk);
  await write(disk, PART);
  disk.settle();
  const killed = killAfter(disk, 'rename');
  void blobs.adopt(PART, digest);
  await killed;
  await expectToStay(disk);
});

it('runs a module of which the content was not synced only once that would survive a power cut', async () => {
  const disk = Disk.empty('/data');
  await blobsOn(disk);
  disk.settle();
  await write(disk, `${FOLDER}/blobs/${digest}.wasm`);
  await expectToStay(disk);
});

async function write(disk: Disk, path: string): Promise<void> {
  await (await disk.open(path, 'create')).pwrite(bytes, 0);
}

/** The next host reads the module, and after that each disk that a power cut may leave has it. */
async function expectToStay(disk: Disk): Promise<void> {
  const next = revived(disk);
  const before = [...imagesOf(next)].map(
    (image) => image.seen.get(`${FOLDER}/blobs/${digest}.wasm`)?.volatile,
  );
  expect(before.some((content) => content?.length !== bytes.length)).toBe(true);
  expect(await (await blobsOn(next)).read(digest)).toEqual(bytes);
  for (const image of imagesOf(next)) expect(await (await blobsOn(image)).read(digest)).toEqual(bytes);
}
