// biome-ignore-all lint/suspicious/noTemplateCurlyInString: text of configuration files, not templates
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '#runtime/base/config/load.js';
import type { IotError } from '#runtime/base/errors.js';

const FILE = '/etc/iot/iot-host.yaml';
const parse = (text: string, environment: Record<string, string> = {}) =>
  parseConfig(FILE, text, environment);

/** The problems, each without the file's name in front. */
function problems(text: string, environment: Record<string, string> = {}): string[] {
  try {
    parse(text, environment);
  } catch (thrown) {
    const error = thrown as IotError;
    expect(error.code).toBe('E_CONFIG');
    return error.message.split('\n').map((line) => {
      expect(line.startsWith(`${FILE}:`)).toBe(true);
      return line.slice(FILE.length + 1);
    });
  }
  throw new Error('was accepted');
}

describe('a configuration that is not valid', () => {
  it.each<[name: string, text: string, expected: string[]]>([
    ['empty', '', ['1:1: is missing, expected a mapping']],
    ['a list', '- device', ['1:1: expected a mapping, found a list']],
    ['no device', 'board: sim\n', ['1:1: device: is missing, expected text']],
    ['a device without value', 'board: sim\ndevice:\n', ['2:8: device: is missing, expected text']],
    ['unknown key', 'device: a\ndataDri: /x\n', ['2:1: dataDri: unknown key, did you mean "dataDir"?']],
    [
      'unknown key that resembles nothing',
      'device: a\nhttp: {port: 1, colour: 2}\n',
      ['2:17: http.colour: unknown key, known here: host, port, token, tls'],
    ],
    [
      'unknown key deep inside',
      'device: a\nactors:\n  - name: b\n    limits:\n      fuelPerCal: 3\n',
      ['5:7: actors[0].limits.fuelPerCal: unknown key, did you mean "fuelPerCall"?'],
    ],
    ['wrong type', 'device: a\ncells: two\n', ['2:8: cells: expected a number, found text']],
    ['not whole', 'device: a\ncells: 1.5\n', ['2:8: cells: expected a whole number, found a number']],
    ['out of range', 'device: a\nhttp: {port: 70000}\n', ['2:14: http.port: expected at most 65535']],
    [
      'not positive',
      'device: a\nactors: [{name: b, limits: {queue: 0}}]',
      ['2:36: actors[0].limits.queue: expected more than 0'],
    ],
    [
      'not one of',
      'device: a\nlogLevel: inof\n',
      ['2:11: logLevel: expected one of error, warn, info, debug, trace; did you mean "info"?'],
    ],
    [
      'bad name',
      'device: Pi_01/x\n',
      ['1:9: device: use 1 to 63 of a-z, 0-9, - and _, starting with a letter or digit'],
    ],
    [
      'bad contract',
      'device: a\nactors: [{name: b, bindings: [{contract: gpio}]}]',
      ['2:42: actors[0].bindings[0].contract: a contract id looks like iot:gpio'],
    ],
    [
      'several at once, in the order of the file',
      'device: 5\nlabels: {a: 1}\ncell: 2\n',
      [
        '1:9: device: expected text, found a number',
        '2:13: labels.a: expected text, found a number',
        '3:1: cell: unknown key, did you mean "cells"?',
      ],
    ],
    [
      'a broker that is no URL',
      'device: a\nbroker: somewhere\n',
      [expect.stringMatching(/^2:9: broker: expected embedded,/)] as never,
    ],
    ['two keys alike', 'device: a\ndevice: b\n', ['2:1: map keys must be unique']],
    ['broken YAML', 'device: "a\n', ['2:1: missing closing "quote']],
    [
      'a variable that is not set',
      'device: ${NOPE}\n',
      ['1:9: environment variable NOPE is not set and has no default'],
    ],
    [
      'a broken reference',
      'device: "${1}"\n',
      [expect.stringMatching(/^1:9: a dollar sign and brace must enclose/)] as never,
    ],
    [
      'two slots of one name',
      'device: a\nactors:\n  - name: b\n  - name: c\n  - name: b\n',
      ['5:5: actors[2]: the slot name "b" is already taken by actors[0]'],
    ],
    [
      'two providers of one contract and name',
      'device: a\nproviders:\n  - contract: iot:gpio\n  - {contract: iot:gpio, name: other}\n  - {contract: iot:gpio, name: default}\n',
      ['5:5: providers[2]: iot:gpio with the name "default" is already taken by providers[0]'],
    ],
    [
      'two bindings of one contract and name',
      'device: a\nactors:\n- name: b\n  bindings: [{contract: iot:gpio}, {contract: iot:gpio}]\n- name: c\n  bindings: [{contract: iot:gpio}]\n',
      [
        '4:36: actors[0].bindings[1]: iot:gpio with the name "default" is already taken by actors[0].bindings[0]',
      ],
    ],
  ])('%s', (_name, text, expected) => expect(problems(text)).toEqual(expected));

  it.each([
    ['http: {port: 0, token: TEXT}', 'http.token'],
    ['brokerUsers: {fleet: TEXT}', 'brokerUsers.fleet'],
    ['brokerLogin: {username: a, password: TEXT}', 'brokerLogin.password'],
  ])('takes a secret by reference only, and does not repeat it: %s', (line, key) => {
    for (const text of ['hunter2', 'secret://', 'secret://a b', 'secret://../x', 'xsecret://a']) {
      const [problem] = problems(`device: a\n${line.replace('TEXT', `"${text}"`)}\n`);
      expect(problem).toContain(`${key}: a secret is given by reference: secret://NAME`);
      expect(problem).not.toContain('hunter2');
    }
    expect(() => parse(`device: a\n${line.replace('TEXT', 'secret://a-b.c_1')}\n`)).not.toThrow();
  });

  it('finds certificates beside the file', () => {
    const config = parse(
      'device: a\nbrokerTls: {ca: ca.crt, cert: /x/c, key: ../k}\nhttp: {port: 0, tls: {cert: c, key: k}}\n',
    );
    expect(config.brokerTls).toEqual({ ca: '/etc/iot/ca.crt', cert: '/x/c', key: '/etc/k' });
    expect(config.http?.tls).toEqual({ cert: '/etc/iot/c', key: '/etc/iot/k' });
  });

  it('never repeats a value: it may be a secret from the environment', () => {
    const text = 'device: ${SECRET}\ncells: ${SECRET}\nlogLevel: ${SECRET}\n';
    expect(problems(text, { SECRET: 'Hunter2!' }).join()).not.toContain('Hunter2');
  });

  it('refuses aliases that multiply', () => {
    const lines = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de'])
      lines.push(`${to}: &${to} [${`*${from},`.repeat(10)}]`);
    expect(problems(lines.join('\n'))[0]).toContain('alias');
  });

  it('finds nothing to crash over in any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, value) => {
        try {
          parse(`device: ${text}\nlabels: {x: \${V}}\n${text}`, { V: value });
        } catch (thrown) {
          expect((thrown as IotError).code).toBe('E_CONFIG');
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('a valid configuration', () => {
  it('has every default, and paths relative to the file', () => {
    const config = parse(
      'device: pi-01\ndataDir: ./data\ntrust: {document: ./trust}\nactors: [{name: b, path: ../b.wasm}, {name: c}]\n',
    );
    expect(config).toMatchObject({
      file: FILE,
      board: 'auto',
      broker: 'embedded',
      dataDir: '/etc/iot/data',
      trust: { document: '/etc/iot/trust', issuers: [], development: false },
      cells: 2,
      actors: [{ name: 'b', path: '/etc/b.wasm', limits: { memoryPages: 64 } }, { name: 'c' }],
    });
    expect(config.actors[1]).not.toHaveProperty('path');
  });

  it('keeps its data in the XDG state folder of the device', () => {
    expect(parse('device: a', { XDG_STATE_HOME: '/var/s' }).dataDir).toBe('/var/s/iot-host/a');
    expect(parse('device: a', { HOME: '/h', XDG_STATE_HOME: 'not/absolute' }).dataDir).toBe(
      '/h/.local/state/iot-host/a',
    );
  });

  it('keeps what a binding or a provider says beyond our keys', () => {
    const { actors, providers } = parse(
      'device: a\nproviders: [{contract: wascc:keyvalue, use: lmdb, size: 3}]\nactors: [{name: b, bindings: [{contract: iot:gpio, lines: {LED: {direction: out}}}]}]',
    );
    expect(providers[0]).toEqual({ contract: 'wascc:keyvalue', name: 'default', use: 'lmdb', size: 3 });
    expect(actors[0]?.bindings[0]).toMatchObject({ name: 'default', lines: { LED: { direction: 'out' } } });
  });

  it('takes values from the environment, and their type when they are not quoted', () => {
    const text =
      'device: ${NAME:pi}-${N:01}\nhttp:\n  port: ${PORT:8080}\n  host: "${HOST:}"\nlabels: {raw: "$${X}", n: "${N:1}"}';
    expect(parse(text)).toMatchObject({
      device: 'pi-01',
      http: { port: 8080, host: '' },
      labels: { raw: '${X}', n: '1' },
    });
    expect(parse(text, { NAME: 'esp', N: '7', PORT: '9' })).toMatchObject({
      device: 'esp-7',
      http: { port: 9 },
      labels: { n: '7' },
    });
  });

  it('is not restructured by what a variable holds', () => {
    const { labels } = parse('device: a\nlabels:\n  x: ${V}\n', { V: 'one\ndevice: evil' });
    expect(labels.x).toBe('one\ndevice: evil');
  });
});

describe('the file', () => {
  it('is asked for with the smallest one possible when missing', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'iot-config-')), 'iot-host.yaml');
    await expect(loadConfig(file)).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: `${file}: there is no such file`,
      hint: expect.stringContaining("echo 'device: pi-01'"),
    });
    await writeFile(file, 'device: pi-01\n');
    await expect(loadConfig(file, {})).resolves.toMatchObject({ device: 'pi-01', file });
    await expect(loadConfig(join(file, '..'))).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('EISDIR'),
    });
  });
});
