import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keyName } from '#runtime/trust/cose/key.js';
import { keysOf } from '#runtime/trust/document/document.js';
import { acceptNext, readTrustDocument } from '#runtime/trust/document/signed.js';
import { decodePublicKey } from '#runtime/trust/nkeys/index.js';
import { allInProcess, emptyHome, inProcess } from './iot-host.js';

let place: Awaited<ReturnType<typeof emptyHome>>;
const NAMES = ['account', 'control', 'module', 'release', 'root'];
const run = (...args: string[]) => inProcess(args, place);
const keyPath = (name: string) => join(place.home, '.local/share/iot-host/keys', `${name}.nk`);
const listed = async (): Promise<Record<string, string>> => {
  const { data } = JSON.parse((await run('keys', 'list', '--json')).stdout);
  return Object.fromEntries(
    data.keys.map((key: { name: string; publicKey: string }) => [key.name, key.publicKey]),
  );
};
const document = async (file = 'trust/root.cbor') =>
  readTrustDocument(new Uint8Array(await readFile(join(place.home, file))));

const before = process.cwd();
afterAll(() => process.chdir(before));

beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
  expect(await run('keys', 'list')).toMatchObject({ code: 0, stdout: expect.stringContaining('no keys in') });
  expect(await run('keys', 'trust')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/there is no root key.*\nhint: iot-host keys gen/),
  });
  expect(await run('keys', 'gen')).toMatchObject({ code: 0, stderr: '' });
});

it('gen makes the usual five, readable by their owner alone, and never shows a seed', async () => {
  const folder = join(place.home, '.local/share/iot-host/keys');
  expect(await readdir(folder)).toEqual(NAMES.map((name) => `${name}.nk`));
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  const shown = await run('keys', 'list');
  for (const name of NAMES) {
    expect((await stat(keyPath(name))).mode & 0o777).toBe(0o600);
    const seed = (await readFile(keyPath(name), 'utf8')).trim();
    expect(seed).toMatch(/^S[AMOU][A-Z2-7]{56}$/);
    expect(shown.stdout).not.toContain(seed);
  }
  expect(Object.values(await listed()).map((key) => key[0])).toEqual(['A', 'U', 'M', 'U', 'O']);
});

it('gen never overwrites a key unless told to', async () => {
  const before = await listed();
  const again = await run('keys', 'gen');
  expect(again.stdout.match(/kept/g)).toHaveLength(5);
  const [named, strange, typo] = await allInProcess(
    [
      ['keys', 'gen', '--type', 'module', '--name', 'account'],
      ['keys', 'gen', '--type', 'module', '--name', 'X y'],
      ['keys', 'gen', '--type', 'acount', '--name', 'b'],
    ],
    place,
  );
  expect(named).toMatchObject({ code: 2, stderr: expect.stringContaining('key account exists already') });
  expect(named?.stderr).toContain('--force');
  expect(strange?.code).toBe(2);
  expect(typo?.stderr).toContain('did you mean --type account?');
  expect(await listed()).toEqual(before);

  expect(await run('keys', 'gen', '--type', 'module', '--name', 'blink')).toMatchObject({ code: 0 });
  const { blink } = await listed();
  expect(blink).toMatch(/^M/);
  expect(await run('keys', 'gen', '--type', 'module', '--name', 'blink', '--force')).toMatchObject({
    code: 0,
  });
  expect((await listed()).blink).not.toBe(blink);
});

it('a key that others can read is refused with the line that closes it, and so is a damaged one', async () => {
  const other = await emptyHome();
  other.env.IOT_HOST_KEYS = join(other.home, 'elsewhere');
  await inProcess(['keys', 'gen'], other);
  const file = join(other.home, 'elsewhere', 'root.nk');
  await chmod(file, 0o640);
  await writeFile(join(other.home, 'elsewhere', 'broken.nk'), 'SAAAA\n', { mode: 0o600 });
  const [trust, list] = await allInProcess(
    [
      ['keys', 'trust'],
      ['keys', 'list'],
    ],
    other,
  );
  expect(trust).toMatchObject({ code: 2, stderr: expect.stringContaining(`hint: chmod 600 ${file}`) });
  expect(list?.stdout).toMatch(/^root +- +key root can be read by others/m);
  expect(list?.stdout).toMatch(/^broken +- +key broken: /m);
  expect(list?.stdout).toMatch(/^account +account +A/m);
});

it('trust makes a signed document with the usual roles, and its next version with more keys', async () => {
  const keys = await listed();
  expect(await run('keys', 'trust')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('version 1 written'),
  });
  const first = await document();
  const usual = { root: 'root', release: 'release', claims: 'account', control: 'control' } as const;
  for (const [role, name] of Object.entries(usual)) {
    const raw = decodePublicKey(keys[name] ?? '').raw;
    expect([...keysOf(first, role as keyof typeof usual).keys()]).toEqual([keyName(raw)]);
  }
  expect(first.roles.get('root')).toMatchObject({ components: [], capabilities: [] });
  expect(first.roles.get('control')).toMatchObject({ components: [], capabilities: [] });
  expect(await run('keys', 'trust')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('version 1 unchanged'),
  });

  const stranger = await emptyHome();
  const { keys: theirs } = JSON.parse((await inProcess(['keys', 'gen', '--json'], stranger)).stdout).data;
  const account = theirs.find((key: { name: string }) => key.name === 'account').publicKey;
  const release = theirs.find((key: { name: string }) => key.name === 'release').publicKey;
  const [theirRelease, blink] = [decodePublicKey(release).raw, decodePublicKey(keys.blink ?? '').raw];
  const added = await run(
    'keys',
    'trust',
    './trust',
    account,
    '--role',
    'claims',
    '--release',
    `${release},blink`,
  );
  expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('version 2 written') });
  const second = acceptNext(first, new Uint8Array(await readFile(join(place.home, 'trust/root.cbor'))));
  expect(second.roles.get('release')?.keys).toHaveLength(3);
  expect(second.roles.get('release')?.keys).toEqual(
    expect.arrayContaining([keyName(theirRelease), keyName(blink)]),
  );
  expect(keysOf(second, 'claims').size).toBe(2);
  expect(await document('trust/root.1.cbor')).toEqual(first);

  const thumbprint = keyName(decodePublicKey(keys.module ?? '').raw);
  expect(await run('keys', 'trust', thumbprint, '--role', 'control')).toMatchObject({ code: 0 });
  expect(keysOf(await document(), 'control').has(thumbprint)).toBe(true);
});

it('trust refuses what it cannot do', async () => {
  const { account = '' } = await listed();
  const seed = (await readFile(keyPath('account'), 'utf8')).trim();
  await mkdir(join(place.home, 'bad'), { recursive: true });
  await writeFile(join(place.home, 'bad/root.cbor'), 'nonsense');
  const cases: [string[], number, string][] = [
    [['a', 'b'], 2, 'one folder at a time: a, b'],
    [[account], 2, 'a key and its role go together'],
    [['--role', 'release'], 2, 'a key and its role go together'],
    [[account, '--role', 'king'], 2, 'a key and its role go together'],
    [['--release', 'nobody'], 2, 'there is no key nobody'],
    [['--release', 'f'.repeat(64)], 2, 'no key in the key folder has the thumbprint'],
    [['--release', `${account.slice(0, -1)}${account.endsWith('A') ? 'B' : 'A'}`], 2, 'public key'],
    [['--release', seed], 2, 'private key'],
    [['bad'], 4, 'error: '],
    [['other', '--root', 'release', '--sign', 'control'], 4, 'role root needs 1 signature,'],
  ];
  const ends = await allInProcess(
    cases.map(([args]) => ['keys', 'trust', ...args]),
    place,
  );
  for (const [index, [args, code, text]] of cases.entries()) {
    expect(ends[index], args.join(' ')).toMatchObject({ code, stderr: expect.stringContaining(text) });
    expect(ends[index]?.stderr).not.toContain(seed);
  }
});
