import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allInProcess, emptyHome, inProcess, iotHost } from './iot-host.js';

let place: Awaited<ReturnType<typeof emptyHome>>;

const before = process.cwd();
afterAll(() => process.chdir(before));

beforeAll(async () => {
  place = await emptyHome();
  process.chdir(place.home);
  await writeFile(join(place.home, 'empty.wasm'), '');
  await writeFile(join(place.home, 'text.wasm'), 'no module');
  await writeFile(join(place.home, 'bad.wat'), '(module (func (resut)))');
  await writeFile(join(place.home, 'bad.yaml'), 'device: a\nbord: sim\nactors: [{name: b}, {name: b}]\n');
});

describe('what is typed wrong ends with 2 and the next thing to type', () => {
  it.each<[line: string, code: number, message: string, hint?: string]>([
    ['', 2, 'which command? iot-host has: board, completion, config, doctor,', 'iot-host --help'],
    ['keys', 2, 'which command? iot-host keys has: gen, list, trust, revoke, rotate', 'iot-host keys --help'],
    ['psuh x.wasm', 2, 'unknown command "psuh"', 'did you mean push?'],
    ['keys gne', 2, 'unknown command "gne"', 'did you mean gen?'],
    ['board shwo', 2, 'unknown command "shwo"', 'did you mean show?'],
    ['board shwo -c a.yaml', 2, 'unknown command "shwo"', 'did you mean show?'],
    ['board raspberry-pi-5', 2, 'unknown command "raspberry-pi-5"', 'iot-host board has: list, show'],
    ['board --bogus bar', 2, 'unknown option "--bogus"', 'iot-host board --help'],
    ['board -c a.yaml shwo', 2, 'unknown option "-c"', 'iot-host board --help'],
    ['keys --bogus bar', 2, 'unknown option "--bogus"', 'iot-host keys --help'],
    ['config chekc a.yaml', 2, 'unknown command "chekc"', 'did you mean check?'],
    ['config check a.yaml', 2, 'too many arguments for "check"', 'iot-host config check -c a.yaml'],
    ["config check it's.yaml", 2, 'too many arguments', "iot-host config check -c 'it'\\''s.yaml'"],
    ['config show --origin a.yaml', 2, 'too many arguments', 'iot-host config show -c a.yaml'],
    ['config check -c a.yaml b.yaml', 2, 'too many arguments', 'iot-host config check --help'],
    ['up a.yaml', 2, 'too many arguments for "up"', 'iot-host up -c a.yaml'],
    ['doctor a.yaml', 2, 'too many arguments for "doctor"', 'iot-host doctor -c a.yaml'],
    ['board show sim a.yaml', 2, 'too many arguments for "show"', 'iot-host board show -c a.yaml'],
    ['push x.wasm --devcie a', 2, 'unknown option "--devcie"', 'did you mean --device?'],
    ['version extra', 2, 'too many arguments for "version"', 'iot-host version --help'],
    ['push', 2, 'missing required argument "file"', 'iot-host push --help'],
    ['run empty.wasm', 2, 'required option "--invoke <function>" not specified', 'iot-host run --help'],
    ['push x.wasm --timeout soon', 2, '"soon" is not a time', 'write it like 500ms, 60s, 5m or 1h'],
    ['push x.wasm --max-parallel 0', 2, '"0" is not a whole number from 1 up'],
    ['run none.wasm --invoke f', 2, 'none.wasm: there is no such file'],
    ['run . --invoke f', 2, '. cannot be read: it is a folder'],
    [
      'run empty.wasm --invoke f',
      4,
      'empty.wasm is not a WebAssembly module',
      'the file is empty: build it again',
    ],
    ['run text.wasm --invoke f', 4, 'text.wasm is not a WebAssembly module'],
    ['run bad.wat --invoke f', 4, 'bad.wat:1:16: unexpected token "resut"'],
    ['push none.wasm --device a', 2, 'none.wasm: there is no such file'],
    ['up', 2, 'iot-host.yaml: there is no such file', "echo 'device: pi-01' > iot-host.yaml"],
    ['up -c bad.yaml', 2, 'bad.yaml:2:1: bord: unknown key, did you mean "board"?'],
    ['config check -c bad.yaml', 2, 'bad.yaml:2:1: bord: unknown key, did you mean "board"?'],
    ['config show -c none.yaml', 2, 'none.yaml: there is no such file'],
    ['completion csh', 2, 'allowed choices are bash, zsh, fish', 'iot-host completion --help'],
    ['devices add Pi --broker mqtt://x', 2, '"Pi" cannot be the name of a device', 'pi-01'],
    ['devices add last --broker mqtt://x', 2, '"last" means something else'],
    ['devices add a', 2, 'required option "--broker <url>" not specified', 'iot-host devices add --help'],
    ['devices add a --broker x', 2, '--broker: "x" is not the URL of an MQTT broker'],
    ['devices add a --broker mqtt://me:pw@x', 2, 'the broker’s URL has a password in it', 'secret://a'],
    ['devices add a --broker mqtt://x --password pw', 2, 'by reference', 'secrets/a (chmod 600)'],
    ['devices add a --broker mqtt://x --label b', 2, '"b" is not a label'],
    ['devices rm a', 2, 'has no device a; it has: none', 'iot-host devices add a'],
    ['devices default a', 2, 'has no device a'],
    ['devices scan', 2, 'IOT_HOST_MDNS is off'],
    ['logs --level loud --device a', 2, 'allowed choices are error, warn, info, debug, trace'],
    ['logs --since soon --device a', 2, '"soon" is not a time'],
    ['logs --since 2030-13-45 --device a', 2, '"2030-13-45" is not a moment', '2030-01-31'],
    ['ps', 2, 'no device is named', 'add --device NAME'],
    ['ps --device A/b', 2, '"A/b" cannot be the name of a device', '--device pi-01'],
    ['ps --device a,b', 2, 'this command takes one device at a time', '--device NAME'],
    ['ps --device last', 3, 'no device was used before', '--device NAME'],
    ['ps --device a --broker http://x', 2, '--broker: "http://x" is not the URL', 'mqtt://localhost:1883'],
    ['call a op --data x --cbor 1 --device a', 2, '--data and --cbor both give the payload'],
    ['call a op --cbor {x --device a', 2, '--cbor is not JSON', 'quote it'],
    ['bind a iot:gpio LED --device a', 2, '"LED" is not a setting', 'key=value'],
    ['providers swap wascc:keyvalue --device a', 2, 'required option "--to <implementation>" not specified'],
  ])('%s', async (line, code, message, hint) => {
    const args = line.split(' ').filter((arg) => arg !== '');
    const { stdout, stderr, ...ended } = await inProcess([...args, '--json'], place);
    expect({ ...ended, stderr }).toEqual({ code, stderr: '' });
    const envelope = JSON.parse(stdout);
    expect(envelope).toMatchObject({ v: 1, ok: false, error: { code: expect.stringMatching(/^E_/) } });
    expect(envelope.error.message).toContain(message);
    if (hint !== undefined) expect(envelope.error.hint).toContain(hint);
  });

  it('is two lines for a person, and nothing on stdout', async () => {
    const [unknown, config] = await allInProcess(
      [
        ['psuh', 'x'],
        ['up', '-c', 'bad.yaml'],
      ],
      place,
    );
    expect(unknown).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: unknown command "psuh"\nhint: did you mean push?\n',
    });
    expect(config).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: bad.yaml:2:1: bord: unknown key, did you mean "board"?\n',
    });
  });
});

describe('a device that is not there', () => {
  const closed = 'mqtt://127.0.0.1:1';
  it('ends with 3, the places looked at and the line that adds it', async () => {
    const { code, stderr } = await inProcess(['ps', '--device', 'pi-01', '--broker', closed], place);
    expect(code).toBe(3);
    expect(stderr).toContain('device pi-01 was not found; looked at');
    expect(stderr).toContain(`--broker: ${closed}: broker ${closed} cannot be reached`);
    expect(stderr).toContain('hint: iot-host devices add pi-01 --broker mqtt://HOST:1883');
  });

  it('is the same in JSON, and for the broker of the environment', async () => {
    const elsewhere = {
      home: place.home,
      env: { ...place.env, IOT_HOST_BROKER: closed, IOT_HOST_DEVICE: 'pi-01' },
    };
    const { code, stdout, stderr } = await inProcess(['logs', '--json'], elsewhere);
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
    const { error } = JSON.parse(stdout);
    expect(error.code).toBe('E_BROKER_UNREACHABLE');
    expect(error.message).toContain('IOT_HOST_BROKER');
  });
});

describe('help and version', () => {
  it('prints the commands in their groups', async () => {
    const { code, stdout, stderr } = await iotHost(['--help'], place);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(await readFile(new URL('help.golden.txt', import.meta.url), 'utf8'));
  });

  it('says more about each command', async () => {
    const { code, stdout } = await inProcess(['push', '--help'], place);
    expect(code).toBe(0);
    for (const flag of [
      '--device',
      '--all',
      '--label',
      '--name',
      '--dry-run',
      '--detach',
      '--timeout',
      '--max-parallel',
    ]) {
      expect(stdout).toContain(flag);
    }
  });

  it('takes global flags anywhere', async () => {
    const { version } = JSON.parse(await readFile(join(before, 'package.json'), 'utf8'));
    for (const args of [
      ['version', '--json'],
      ['--json', 'version'],
      ['--version', '--json'],
    ]) {
      const { code, stdout } = await inProcess(args, place);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        v: 1,
        ok: true,
        data: { version, node: process.versions.node },
      });
    }
  });

  it('shows where an error came from only when asked', async () => {
    const { stderr } = await inProcess(['run', 'none.wasm', '--invoke', 'f', '--verbose'], place);
    expect(stderr).toContain('    at ');
  });
});
