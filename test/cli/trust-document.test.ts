import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { history } from '#runtime/cli/keys/trust/store.js';
import { keyName } from '#runtime/trust/cose/key.js';
import { keysOf, type RoleName, type TrustDocument } from '#runtime/trust/document/document.js';
import { acceptNext, readTrustDocument } from '#runtime/trust/document/signed.js';
import { KeyPair } from '#runtime/trust/nkeys/index.js';
import { p256Signer } from '../trust/p256-signer.js';
import { emptyHome, inProcess } from './iot-host.js';

let place: Awaited<ReturnType<typeof emptyHome>>;
const before = process.cwd();
afterAll(() => process.chdir(before));

const run = (line: string) => inProcess(line.split(' '), place);
/** Runs what must succeed. */
async function ok(line: string): Promise<string> {
  const ended = await run(line);
  expect(ended, line).toMatchObject({ code: 0, stderr: '' });
  return ended.stdout;
}
/** What a device with the version before would make of the newest one: every version follows from the last. */
async function walked(): Promise<TrustDocument> {
  const [first, ...more] = await history('trust');
  expect(first?.document.version).toBe(1);
  let document = readTrustDocument(first?.bytes ?? new Uint8Array(0));
  for (const { bytes } of more) document = acceptNext(document, bytes);
  return document;
}
const keyFile = (name: string) => join(place.home, '.local/share/iot-host/keys', `${name}.nk`);
const thumbprint = async (name: string) =>
  keyName(KeyPair.fromSeed((await readFile(keyFile(name), 'utf8')).trim()).rawPublicKey);
const holders = (document: TrustDocument, role: RoleName) => [...keysOf(document, role).keys()];

beforeEach(async () => {
  place = await emptyHome();
  process.chdir(place.home);
  await ok('keys gen');
  await ok('keys trust');
});

describe('keys trust', () => {
  it('writes every member of a document, and each next version keeps what it does not change', async () => {
    await ok('keys gen --type root --name root-2');
    const digest = 'ab'.repeat(32);
    await ok(
      `keys trust --root root-2 --threshold root=2 --expires 2040-01-31 --min-host 0.1 --block ${digest}`,
    );
    await ok(
      'keys trust --component release=lamp,actor/fan --capability release=iot:gpio,iot:mqtt --grow release=no',
    );
    await ok('keys trust --reset-floor lamp=7,fan');
    const now = Math.floor(Date.now() / 1000);
    const document = await walked();
    expect(document).toMatchObject({
      version: 4,
      expires: Date.UTC(2040, 0, 31) / 1000,
      minimumHost: [0, 1],
    });
    expect(document.roles.get('root')).toMatchObject({ threshold: 2, keys: { length: 2 } });
    expect(document.roles.get('release')).toMatchObject({
      components: [
        ['actor', 'lamp'],
        ['actor', 'fan'],
      ],
      capabilities: ['iot:gpio', 'iot:mqtt'],
      mayGrow: false,
    });
    expect(document.blocked.map((each) => Buffer.from(each).toString('hex'))).toEqual([digest]);
    const [fan, lamp] = document.floorResets;
    expect(lamp).toEqual({ component: ['actor', 'lamp'], floor: 7 });
    expect(fan?.floor).toBeGreaterThan(now - 60);
    expect(fan?.floor).toBeLessThanOrEqual(now);

    const shown = await ok(
      `keys trust --expires never --component release=* --capability release= --grow release=yes --unblock ${digest}`,
    );
    expect(shown).toContain('version 5 written');
    expect(shown).toContain('release (1 of 1), only with no contract');
    // Handed on as they are: a device makes those that the version before did not have.
    expect(await walked()).toMatchObject({ expires: undefined, blocked: [], floorResets: [fan, lamp] });
    await ok('keys trust --reset-floor lamp=8');
    expect((await walked()).floorResets).toEqual([fan, { ...lamp, floor: 8 }]);
    expect(await ok('keys trust --threshold root=2')).toContain('version 6 unchanged');
  });

  it('tells a script all of it', async () => {
    const { code, stdout } = await run('keys trust --threshold release=1 --expires 2040-01-31 --json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      data: {
        file: 'trust/root.cbor',
        version: 2,
        changed: true,
        expires: Date.UTC(2040, 0, 31) / 1000,
        roles: expect.arrayContaining([
          {
            name: 'release',
            keys: [await thumbprint('release')],
            threshold: 1,
            components: [''],
            capabilities: ['*'],
            mayGrow: true,
          },
        ]),
        blocked: [],
        floorResets: [],
        minimumHost: null,
      },
    });
  });

  it('does not give a role back by itself that was taken away', async () => {
    await ok('keys gen --type release --name second');
    await ok('keys trust --release second');
    await ok('keys revoke release');
    expect(await ok('keys trust')).toContain('version 3 unchanged');
    expect(holders(await walked(), 'release')).toEqual([await thumbprint('second')]);
  });

  it.each<[line: string, code: number, message: string, hint: string]>([
    ['--threshold root=2', 2, 'role root would have 1 key, and 2 must sign', 'keys trust --root KEY'],
    ['--threshold king=2', 2, '"king=2" does not begin with a role and =', '--threshold release=…'],
    ['--threshold root=0', 2, '"0" is not a whole number from 1 up', ''],
    ['--expires soon', 2, '"soon" is neither a span of time nor a date', '30d'],
    ['--block abc', 2, '"abc" is not the SHA-256 of a module', 'sha256sum'],
    ['--reset-floor lamp=-1', 2, '"lamp=-1" is no slot and sequence number', '--reset-floor blink'],
    ['--reset-floor lamp=9007199254740991', 2, 'is no slot and sequence number', '--reset-floor blink'],
    ['--component release=a//b', 2, '"a//b" is no component', 'release=actor/lamp'],
    ['--grow release=maybe', 2, '"maybe" is neither yes nor no', '--grow release=no'],
    ['--min-host new', 2, 'version new is not of the form', ''],
    ['--release module --sign control', 4, 'role root needs 1 signature, 0 count', '--sign root --sign'],
  ])('refuses %s and changes nothing', async (line, code, message, hint) => {
    const { stderr, ...ended } = await run(`keys trust ${line}`);
    expect(ended).toEqual({ code, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect((await walked()).version).toBe(1);
    expect(await readdir('trust')).toEqual(['root.cbor']);
  });

  it('asks for both thresholds by name when root keys are not here', async () => {
    await ok('keys gen --type root --name root-2');
    await ok('keys trust --root root-2 --threshold root=2');
    const safe = join(place.home, 'root-2.nk');
    await writeFile(safe, await readFile(keyFile('root-2')), { mode: 0o600 });
    await rm(keyFile('root-2'));
    const { code, stderr } = await run('keys trust --expires 1y');
    expect(code).toBe(4);
    expect(stderr).toContain('version 3 is not signed by enough of the root keys of versions 2 and 3');
    expect(stderr).toContain('role root needs 2 signatures, 1 count');
    await ok(`keys trust --expires 1y --sign root --sign ${safe}`);
    expect((await walked()).version).toBe(3);
  });
});

describe('root keys on different machines', () => {
  beforeEach(async () => {
    await ok('keys gen --type root --name root-2');
    await ok('keys trust --root root-2 --threshold root=2');
    await rename(keyFile('root-2'), 'root-2.nk');
  });

  it('sign one after the other: the next version waits in a file that no device reads', async () => {
    const second = keyName(KeyPair.fromSeed((await readFile('root-2.nk', 'utf8')).trim()).rawPublicKey);
    const { code, stderr } = await run('keys trust --expires 1y');
    expect(code).toBe(4);
    expect(stderr).toContain('it waits in trust/root.next.cbor for');
    expect(stderr).toContain(`1 more of the root keys of version 2: ${second}`);
    expect(stderr).toContain(`1 more of the root keys of version 3: ${second}`);
    expect(stderr).toContain(
      'hint: take the folder to where they are: iot-host keys trust FOLDER --sign KEY',
    );
    expect((await walked()).version).toBe(2);
    // Who has no say signs nothing, and the same key twice is once.
    expect(await run('keys trust --sign release')).toMatchObject({ code: 4 });
    expect(await run('keys trust --sign root')).toMatchObject({ code: 4 });
    expect((await walked()).version).toBe(2);
    expect(await ok('keys trust --sign ./root-2.nk')).toContain('trust/root.cbor: version 3 written');
    expect((await walked()).expires).toBeGreaterThan(0);
    expect(await readdir('trust')).toEqual(['root.1.cbor', 'root.2.cbor', 'root.cbor']);
  });

  it('are asked again for another change, unless that lost what somebody else has signed', async () => {
    expect(await run('keys trust --expires 1y')).toMatchObject({ code: 4 });
    expect(await run('keys trust --expires 2y')).toMatchObject({ code: 4 });
    expect(await run('keys trust --min-host 0.1 --sign ./root-2.nk')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('root.next.cbor waits for signatures, and has one by'),
    });
    await rm('trust/root.next.cbor');
    expect(await run('keys trust --min-host 0.1 --sign ./root-2.nk')).toMatchObject({ code: 4 });
    await ok('keys trust --sign root');
    expect(await walked()).toMatchObject({ version: 3, minimumHost: [0, 1], expires: undefined });
  });

  it('a signature that was spoilt on the way is made again', async () => {
    await run('keys trust --expires 1y');
    const bytes = await readFile('trust/root.next.cbor');
    // The end of the only signature, which is in front of the document.
    const at = bytes.indexOf(Buffer.from('5840', 'hex')) + 2 + 63;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile('trust/root.next.cbor', bytes);
    expect(await run('keys trust --sign ./root-2.nk')).toMatchObject({ code: 4 });
    await ok('keys trust --sign root');
    expect((await walked()).version).toBe(3);
  });

  it('finish a rotation, whose files are swapped by the same command afterwards', async () => {
    const old = await thumbprint('release');
    expect(await run('keys rotate release')).toMatchObject({ code: 4 });
    expect(await thumbprint('release')).toBe(old);
    await ok('keys trust --sign ./root-2.nk');
    await ok('keys rotate release');
    expect(await thumbprint('release')).not.toBe(old);
    expect(holders(await walked(), 'release')).toEqual([await thumbprint('release')]);
  });

  it('and begin a first document together', async () => {
    const begin = 'keys trust first --root root --root ./root-2.nk --threshold root=2 --release release';
    expect(await run(begin)).toMatchObject({ code: 4 });
    expect(await readdir('first')).toEqual(['root.next.cbor']);
    await ok('keys trust first --sign ./root-2.nk');
    expect(await readdir('first')).toEqual(['root.cbor']);
  });
});

describe('a key of a security module', () => {
  const pem = (fill: number) => {
    const [x, y] = [1, 33].map((at) => Buffer.from(p256Signer(fill).publicKey).subarray(at, at + 32));
    const key = { kty: 'EC', crv: 'P-256', x: x?.toString('base64url'), y: y?.toString('base64url') };
    return createPublicKey({ key, format: 'jwk' }).export({ format: 'pem', type: 'spki' });
  };

  it('is trusted by its public half in PEM, and revoked by it', async () => {
    await writeFile('hsm.pub.pem', pem(7));
    await ok('keys trust --release hsm.pub.pem');
    expect(holders(await walked(), 'release')).toContain(keyName(p256Signer(7).publicKey));
    await ok('keys revoke hsm.pub.pem');
    expect(holders(await walked(), 'release')).toEqual([await thumbprint('release')]);
  });

  it('may be an Ed25519 key too', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    await writeFile('ed.pem', publicKey.export({ format: 'pem', type: 'spki' }));
    await ok('keys trust --release ed.pem');
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
    expect(holders(await walked(), 'release')).toContain(keyName(Uint8Array.from(raw)));
  });

  it('is refused where it is private, of another kind, broken, missing, or to sign claims', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile('private.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    await writeFile('other.pem', publicKey.export({ format: 'pem', type: 'spki' }));
    await writeFile('broken.pem', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n');
    await writeFile('hsm.pub.pem', pem(7));
    for (const name of ['private', 'other', 'broken', 'missing']) {
      const { code, stderr } = await run(`keys trust --release ${name}.pem`);
      expect([name, code]).toEqual([name, 2]);
      expect(stderr).toContain(`${name}.pem`);
      expect(stderr).not.toContain('PRIVATE');
    }
    expect(await run('keys trust --claims hsm.pub.pem')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('not an Ed25519 key'),
    });
    expect((await walked()).version).toBe(1);
  });
});

describe('keys revoke', () => {
  it('takes one role or all, and the key itself when none is left', async () => {
    await ok('keys gen --type release --name second');
    await ok('keys trust --release second --control second');
    const second = await thumbprint('second');
    expect(await ok('keys revoke second --role control')).toContain(`${second} is no longer control`);
    expect(holders(await walked(), 'release')).toContain(second);
    const { code, stdout } = await run(
      `keys revoke ${second} --reset-floor blink=12 --block ${'cd'.repeat(32)} --json`,
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout).data).toMatchObject({
      version: 4,
      revoked: { key: second, roles: ['release'] },
      floorResets: [{ component: 'actor/blink', floor: 12 }],
      blocked: ['cd'.repeat(32)],
    });
    expect((await walked()).keys.has(second)).toBe(false);
  });

  it.each<[line: string, code: number, message: string, hint: string]>([
    ['release', 2, 'role release would have 0 keys, and 1 must sign', 'iot-host keys rotate release'],
    ['root', 2, 'role root would have 0 keys, and 1 must sign', 'iot-host keys rotate root'],
    ['module', 2, 'version 1 of the trust document does not name key module', 'iot-host keys list'],
    ['release --role control', 2, 'does not have the role control; it has: release', 'iot-host keys list'],
    ['release --role king', 2, '"king" is not a role', '--role root | release'],
    ['nobody', 2, 'there is no key nobody', 'iot-host keys gen'],
    ['release elsewhere', 2, 'there is no trust document elsewhere/root.cbor', 'keys trust elsewhere'],
  ])('refuses %s and changes nothing', async (line, code, message, hint) => {
    const { stderr, ...ended } = await run(`keys revoke ${line}`);
    expect(ended).toEqual({ code, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect(await readdir('trust')).toEqual(['root.cbor']);
  });

  it('says how few signatures would do', async () => {
    await ok('keys gen --type root --name root-2');
    await ok('keys trust --root root-2 --threshold root=2');
    const { stderr } = await run('keys revoke root-2');
    expect(stderr).toContain('role root would have 1 key, and 2 must sign');
    expect(stderr).toContain('--threshold root=1');
    await ok('keys trust --threshold root=1');
    await ok('keys revoke root-2');
    expect(holders(await walked(), 'root')).toEqual([await thumbprint('root')]);
  });
});

describe('keys rotate', () => {
  it.each<[what: string, name: string, role: RoleName]>([
    ['release', 'release', 'release'],
    ['claims', 'account', 'claims'],
    ['control', 'control', 'control'],
    ['root', 'root', 'root'],
  ])(
    '%s: a new key under the old name, the old one beside it, a document that follows',
    async (what, name, role) => {
      const old = await thumbprint(name);
      const seed = (await readFile(keyFile(name), 'utf8')).trim();
      const shown = await ok(`keys rotate ${what}`);
      const fresh = await thumbprint(name);
      expect(fresh).not.toBe(old);
      expect(holders(await walked(), role)).toEqual([fresh]);
      expect((await walked()).keys.has(old)).toBe(false);
      expect(await thumbprint(`${name}.old-1`)).toBe(old);
      for (const file of [name, `${name}.old-1`])
        expect((await stat(keyFile(file))).mode & 0o777).toBe(0o600);
      expect(shown).toContain(`old ${old}, kept in ${keyFile(`${name}.old-1`)}`);
      expect(shown).not.toContain(seed);
      // The kind of a key says what it is for, and stays.
      expect((await readFile(keyFile(name), 'utf8')).slice(0, 2)).toBe(seed.slice(0, 2));
      await ok(`keys rotate ${name}`);
      expect(await thumbprint(`${name}.old-2`)).toBe(fresh);
      expect((await walked()).version).toBe(3);
    },
  );

  it('is finished by the same line wherever it was interrupted', async () => {
    const name = 'release';
    const old = await readFile(keyFile(name));
    // The new key was made, and no document names it yet.
    await ok('keys gen --type release --name release.rotating');
    const fresh = await thumbprint('release.rotating');
    await ok('keys rotate release');
    expect(await thumbprint(name)).toBe(fresh);
    // The document was written, and the files were not swapped any more.
    await writeFile(keyFile('release.rotating'), await readFile(keyFile(name)), { mode: 0o600 });
    await writeFile(keyFile(name), old);
    expect(await ok('keys rotate release')).toContain('version 2 unchanged');
    expect(await thumbprint(name)).toBe(fresh);
    expect(holders(await walked(), 'release')).toEqual([fresh]);
    const names = await readdir(join(place.home, '.local/share/iot-host/keys'));
    expect(names.filter((file) => file.includes('rotating') || file.includes('tmp'))).toEqual([]);
  });

  it('needs to know which key, and to have it', async () => {
    await ok('keys gen --type release --name second');
    await ok('keys trust --release second --claims second');
    const second = await thumbprint('second');
    await ok('keys rotate second');
    const fresh = await thumbprint('second');
    const document = await walked();
    expect(holders(document, 'release').sort()).toEqual([fresh, await thumbprint('release')].sort());
    expect(holders(document, 'claims')).toContain(fresh);
    expect(document.keys.has(second)).toBe(false);

    const claims = await run('keys rotate claims');
    expect(claims).toMatchObject({ code: 2, stderr: expect.stringContaining('role claims has 2 keys: ') });
    await rm(keyFile('second'));
    const missing = await run(`keys rotate ${fresh}`);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('is not in the key folder');
    expect(missing.stderr).toContain(`iot-host keys revoke ${fresh}`);
  });
});

describe('keys list', () => {
  it('shows thumbprints and roles, and whose private half is elsewhere', async () => {
    await ok('keys gen --type release --name second');
    await ok('keys trust --release second');
    const second = await thumbprint('second');
    await rm(keyFile('second'));
    const text = await ok('keys list');
    const account = await thumbprint('account');
    expect(text).toMatch(new RegExp(`^account +account +A\\w{55} +claims +${account}$`, 'm'));
    expect(text).toMatch(/^module +module +M\w{55} +- +[0-9a-f]{64}$/m);
    expect(text).toMatch(new RegExp(`^- +- +not in this folder +release +${second}$`, 'm'));
    expect(JSON.parse(await ok('keys list trust --json')).data).toMatchObject({
      document: 'trust/root.cbor',
      elsewhere: [{ thumbprint: second, roles: ['release'] }],
    });
    expect(await ok('keys list nowhere')).toMatch(/^account +account +A\w{55} +- /m);
  });
});
