import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { wat } from '../helpers/wat.js';
import { allInProcess, emptyHome, inProcess } from './iot-host.js';

const TEXT = `(module (memory (export "memory") 2 9)
  (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "two") (result i64 f64) i64.const -1 f64.const -0)
  (func (export "big") (param i64) (result i64) local.get 0)
  (func (export "trap") unreachable)
  (func (export "loop") (loop br 0)))`;

let place: Awaited<ReturnType<typeof emptyHome>>;
const run = (...args: string[]) => inProcess(args, place);
const file = (name: string) => join(place.home, name);

const before = process.cwd();
afterAll(() => process.chdir(before));

beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
  await writeFile(file('plain.wat'), TEXT);
  await writeFile(file('plain.wasm'), wat(TEXT));
  await run('keys', 'gen');
});

it('run calls a function and prints each result on a line', async () => {
  const lines = await allInProcess(
    [
      ['run', 'plain.wat', '--invoke', 'add', '2', '2'],
      ['run', 'plain.wasm', '--invoke', 'add', '2', '-3'],
      ['run', 'plain.wasm', '--invoke', 'add', '--', '-2', '-30'],
      ['run', 'plain.wasm', '--invoke', 'two'],
      ['run', 'plain.wasm', '--invoke', 'big', '0x7fffffffffffffff', '--json'],
    ],
    place,
  );
  expect(lines.map(({ stdout }) => stdout)).toEqual([
    '4\n',
    '-1\n',
    '-32\n',
    '-1\n-0\n',
    '{"v":1,"ok":true,"data":{"function":"big","results":["9223372036854775807"]}}\n',
  ]);
  expect(lines.map(({ code, stderr }) => [code, stderr])).toEqual(lines.map(() => [0, '']));
});

it('run says what was wrong with the call', async () => {
  const [unknown, count, type, trap] = await allInProcess(
    [
      ['run', 'plain.wasm', '--invoke', 'sub', '1'],
      ['run', 'plain.wasm', '--invoke', 'add', '1'],
      ['run', 'plain.wasm', '--invoke', 'add', '1', 'x'],
      ['run', 'plain.wasm', '--invoke', 'trap', '--json'],
    ],
    place,
  );
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringMatching(/sub.*\nhint: .*add/) });
  expect(count).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('add takes 2 arguments (i32, i32), not 1'),
  });
  expect(type?.code).toBe(2);
  expect(trap?.code).toBe(8);
  expect(JSON.parse(trap?.stdout ?? '')).toMatchObject({ v: 1, ok: false, error: { code: 'E_TRAP' } });
});

it('sign, verify and inspect agree about a module', async () => {
  const signed = await run(
    ...[
      'sign',
      'plain.wasm',
      '-o',
      'out.wasm',
      '--name',
      'Blink 2',
      '--cap',
      'iot:gpio,iot:mqtt',
      '--cap',
      'wascc:logging',
    ],
    ...['--tag', 'demo', '--rev', '3', '--ver', '1.2.0', '--call-alias', 'My Blink', '--expires', '30d'],
  );
  expect(signed.stderr).toContain('made the key module-blink-2');
  expect(signed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^signed: out\.wasm\n/) });
  const [verify, inspect, text] = await allInProcess(
    [
      ['verify', 'out.wasm', '--json'],
      ['inspect', 'out.wasm', '--json'],
      ['inspect', 'out.wasm'],
    ],
    place,
  );
  const { claims, trustedBy } = JSON.parse(verify?.stdout ?? '').data;
  expect(trustedBy).toBe('your own account key');
  expect(claims).toMatchObject({
    name: 'Blink 2',
    caps: ['iot:gpio', 'iot:mqtt', 'wascc:logging'],
    tags: ['demo'],
    rev: 3,
    ver: '1.2.0',
    callAlias: 'my_blink',
    provider: false,
    subject: expect.stringMatching(/^M/),
    issuer: expect.stringMatching(/^A/),
  });
  expect(claims.expires - claims.issuedAt).toBeGreaterThanOrEqual(30 * 86_400 - 2);
  const { data } = JSON.parse(inspect?.stdout ?? '');
  expect(data).toMatchObject({
    claims,
    problem: null,
    code: { memory: { minimum: 2, maximum: 9 }, imports: [] },
  });
  expect(data.code.exports).toContain('add');
  for (const part of ['genuine', 'Blink 2', claims.subject, '2 to 9 pages', '1.2.0 (revision 3)']) {
    expect(text?.stdout).toContain(part);
  }
});

it('a second signature keeps the identity and replaces the claims', async () => {
  const subject = async (name: string) =>
    JSON.parse((await run('verify', name, '--json')).stdout).data.claims;
  await run('sign', 'plain.wasm', '--name', 'twice', '--ver', '1');
  const first = await subject('plain.signed.wasm');
  await run('sign', 'plain.signed.wasm', '-o', 'plain.signed.wasm', '--name', 'twice', '--ver', '2');
  const second = await subject('plain.signed.wasm');
  expect(second).toMatchObject({ subject: first.subject, ver: '2' });
});

it('verify asks whom to believe, and refuses everybody else', async () => {
  await run('keys', 'trust');
  await run('sign', 'plain.wasm', '-o', 'mine.wasm', '--name', 'mine');
  await run('sign', 'plain.wasm', '-o', 'old.wasm', '--name', 'mine', '--expires', '2020-01-01');
  await run('sign', 'plain.wasm', '-o', 'early.wasm', '--name', 'mine', '--not-before', '2999-01-01');
  const bytes = new Uint8Array(await readFile(file('mine.wasm')));
  const tampered = bytes.slice();
  tampered[bytes.lastIndexOf(0x6a, wat(TEXT).length)] = 0x6b; // i32.add becomes i32.sub
  await writeFile(file('tampered.wasm'), tampered);
  const stranger = 'ACODERUVFFAWZQDSS6SBIACUA5O6SXF7HJ3YTYXBALHZP3P7R4BUO4J2';
  const nobody = await emptyHome();
  const cases: [string[], number, string][] = [
    [['verify', 'mine.wasm', '--trust', 'trust'], 0, ''],
    [['verify', 'mine.wasm', '--issuer', 'account'], 0, ''],
    [['verify', 'mine.wasm', '--issuer', stranger], 4, 'which is not trusted'],
    [['verify', 'mine.wasm', '--issuer', 'A'.repeat(56)], 2, 'public key'],
    [['verify', 'mine.wasm', '--trust', 'nowhere'], 2, 'trust document nowhere/root.cbor cannot be read'],
    [['verify', 'plain.wasm'], 4, 'hint: iot-host sign plain.wasm --name plain'],
    [['verify', 'tampered.wasm'], 4, 'the claims were made for other code'],
    [['verify', 'old.wasm'], 4, 'expired'],
    [['verify', 'early.wasm'], 4, 'valid from'],
  ];
  const ends = await allInProcess(
    cases.map(([args]) => args),
    place,
  );
  for (const [index, [args, code, text]] of cases.entries()) {
    expect(ends[index], args.join(' ')).toMatchObject({ code, stderr: expect.stringContaining(text) });
  }
  const without = await inProcess(['verify', file('mine.wasm')], nobody);
  expect(without).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('whose claims are to be believed?'),
  });
  const shown = await run('inspect', 'tampered.wasm');
  expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('not to be believed:') });
});

it('sign refuses what makes no good claims', async () => {
  const cases: [string[], string][] = [
    [['--rev', 'two'], 'it must be a whole number'],
    [['--rev', '3000000000'], 'revision 3000000000'],
    [['--expires', 'soon'], '"soon" is neither a span of time nor a date'],
    [['--account', 'module'], 'a key of type account'],
    [['--account', 'nobody'], 'there is no key nobody'],
    [['--module', 'account'], 'a key of type module'],
    [['-o', 'no/such/folder.wasm'], 'no/such/folder.wasm cannot be written: ENOENT'],
  ];
  const ends = await allInProcess(
    cases.map(([args]) => ['sign', 'plain.wasm', '--name', 'bad', '--module', 'module', ...args]),
    place,
  );
  for (const [index, [args, text]] of cases.entries()) {
    expect(ends[index], args.join(' ')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(text),
    });
  }
});
