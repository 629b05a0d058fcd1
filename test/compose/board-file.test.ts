import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { lineHint, lineOf, nameLines } from '#runtime/base/board-lines.js';
import { IotError } from '#runtime/base/errors.js';
import { silentLogger } from '#runtime/base/logger.js';
import { boardOf } from '#runtime/compose/board.js';
import { loadBoard } from '#runtime/compose/board-data.js';
import { readBoardFile } from '#runtime/compose/board-file.js';
import { failure, temporaryDir } from '../helpers/providers.js';

const GREENHOUSE = {
  name: 'greenhouse',
  title: 'Raspberry Pi 4 with a relay board',
  source: 'own wiring',
  gpio: {
    chip: 'pinctrl-bcm2711',
    header: 'raspberry-pi-40',
    lines: { RELAY: { offset: 17, direction: 'out' }, FAN: { offset: 3, chip: 'pcf8574' } } as Lines,
  },
  ports: { sensor: { path: '/dev/ttyAMA3', pins: { TXD: 7, RXD: 29 } } },
};
type Lines = Record<string, Record<string, unknown>>;

let dir: ReturnType<typeof temporaryDir>;
let file: string;
beforeAll(() => {
  dir = temporaryDir();
});
afterAll(() => dir.remove());
beforeEach(() => {
  file = join(dir.path, 'my-board.yaml');
});

async function read(board: unknown) {
  await writeFile(file, typeof board === 'string' ? board : stringify(board));
  return readBoardFile(file);
}
const lines = (more: Lines) => ({ ...GREENHOUSE, gpio: { ...GREENHOUSE.gpio, lines: more } });

describe('a board of one’s own', () => {
  it('has the lines of its header, some by other names, and its own', async () => {
    const board = await read(GREENHOUSE);
    expect(board.gpio.lines.RELAY).toMatchObject({
      ...{ offset: 17, pin: 11, direction: 'out' },
      functions: expect.arrayContaining(['UART0 RTS']),
    });
    expect(board.gpio.lines.GPIO17).toBeUndefined();
    expect(board.gpio.lines.FAN).toEqual({ offset: 3, direction: 'any', chip: 'pcf8574' });
    expect(Object.keys(board.gpio.lines)).toHaveLength(29);
    expect(board.ports).toEqual(GREENHOUSE.ports);
  });

  it('cannot free a line that is reserved by giving it another name', async () => {
    const board = await read(lines({ MINE: { offset: 0, direction: 'out' } }));
    expect(board.gpio.lines.MINE?.reserved).toContain('HAT');
  });

  it('may have a chip of which nothing is known, and no header', async () => {
    const other = { ...GREENHOUSE, gpio: { chip: '1c20800.pinctrl', lines: { PA6: { offset: 6, pin: 7 } } } };
    expect((await read(other)).gpio.lines).toEqual({ PA6: { offset: 6, pin: 7, direction: 'any' } });
    const onHeader = { ...GREENHOUSE, gpio: { chip: '../chips/pinctrl-rp1', header: 'raspberry-pi-40' } };
    expect((await read(onHeader)).gpio.lines.GPIO4?.functions).toBeUndefined();
  });

  it.each([
    [{ ...GREENHOUSE, name: 'raspberry-pi-4' }, '1:7: name: raspberry-pi-4 is a board of the host'],
    [{ ...GREENHOUSE, name: 'Green House' }, '1:7: name: use a-z, 0-9 and -'],
    [{ ...GREENHOUSE, potrs: {} }, 'potrs: unknown key, did you mean "ports"?'],
    [{ name: 'x' }, '1:1: gpio: is missing, expected a mapping'],
    [
      { ...GREENHOUSE, gpio: { ...GREENHOUSE.gpio, header: '../headers/raspberry-pi-40' } },
      'gpio.header: there is no such header, only raspberry-pi-40',
    ],
    [
      lines({ A: { offset: 17 }, B: { offset: 17 } }),
      'gpio.lines.B: line 17 of pinctrl-bcm2711 is A already',
    ],
    [lines({ A: { offset: 17, pin: 12 } }), 'pin 12 of the header is line 18 of pinctrl-bcm2711'],
    [lines({ A: { offset: 17, pin: 6 } }), 'pin 6 of the header is GND'],
    [lines({ GPIO4: { offset: 5 } }), 'gpio.lines.GPIO4: pin 7 of the header is line 4'],
    [lines({ 'A B': { offset: 5 } }), 'gpio.lines.A B: use 1 to 64 of A-Z'],
    [lines({ A: { offset: -1 } }), 'gpio.lines.A.offset: expected at least 0'],
    [{ ...GREENHOUSE, ports: { a: { path: 'ttyS0' } } }, 'ports.a.path: expected a device, like /dev/ttyS1'],
    [
      { ...GREENHOUSE, ports: { a: { path: '/dev/ttyS0' }, b: { path: '/dev/ttyS0' } } },
      'ports.b: /dev/ttyS0 is a already',
    ],
    ['name: [', '1:8: flow sequence'],
    ['', 'expected a mapping'],
  ])('is refused with the place: %#', async (board, why) => {
    const said = await failure(() => read(board));
    expect(said).toMatch(/^E_CONFIG /);
    expect(said).toContain(why);
    expect(said).toContain(`${file}:`);
  });

  it('that is not there is named', async () => {
    expect(await failure(() => readBoardFile('/no/such.yaml'))).toBe(
      'E_CONFIG board /no/such.yaml: there is no such file',
    );
  });

  it('is either a whole board or an error with its place, whatever stands in the file', async () => {
    const real = parse(await readFile('boards/raspberry-pi-5.yaml', 'utf8'));
    const models = [GREENHOUSE, { ...real, name: 'mine' }, parse(await readFile('boards/sim.yaml', 'utf8'))];
    const junk = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('__proto__', '/dev/../etc/passwd', { offset: 17 }, { GPIO4: { offset: 5 } }, 17, 0),
    );
    const change = fc.record({ at: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), value: junk });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...models), fc.array(change, { maxLength: 3 }), async (model, all) => {
        const changed = structuredClone(model) as Record<string, unknown>;
        for (const { at, value } of all) put(changed, at, value);
        try {
          const { gpio, ports } = await read(changed);
          const places = Object.values(gpio.lines).map(({ chip = gpio.chip, offset }) => `${chip} ${offset}`);
          expect(new Set(places).size).toBe(places.length);
          const positions = Object.values(gpio.lines).flatMap(({ pin }) => pin ?? []);
          expect(new Set(positions).size).toBe(positions.length);
          for (const { path } of Object.values(ports)) expect(path).toMatch(/^\/dev\//);
        } catch (thrown) {
          if (!(thrown instanceof IotError)) throw thrown;
          expect(thrown.code).toBe('E_CONFIG');
          expect(
            thrown.message.split('\n').every((line) => /^\/\S+my-board\.yaml:\d+:\d+: /.test(line)),
          ).toBe(true);
        }
      }),
    );
  });
});

/** Puts `value` in the place of what is at `path`, counted among the keys of each mapping on the way. */
function put(into: Record<string, unknown>, path: readonly number[], value: unknown): void {
  const keys = Object.keys(into);
  const [first = 0, ...rest] = path;
  const key = keys[first % Math.max(keys.length, 1)] ?? 'new';
  const inner = into[key];
  if (rest.length > 0 && typeof inner === 'object' && inner !== null && !Array.isArray(inner))
    put(inner as Record<string, unknown>, rest, value);
  else into[key] = value;
}

describe('names for lines', () => {
  it('take the place of the board’s own', async () => {
    const board = await boardOf(
      { board: 'raspberry-pi-4', lines: { LED: 'GPIO17', DOOR: 'GPIO4' } },
      silentLogger,
    );
    expect(board.gpio.lines.LED).toMatchObject({ offset: 17, pin: 11 });
    expect(board.gpio.lines).not.toHaveProperty('GPIO17');
    expect(Object.keys(board.gpio.lines)).toHaveLength(28);
  });

  it.each([
    [{ LED: 'GPIO99' }, /^E_CONFIG board raspberry-pi-4 has no line GPIO99 that could be called LED/],
    [{ LED: '__proto__' }, /has no line __proto__/],
    [{ LED: 'GPIO17', LAMP: 'GPIO17' }, /^E_CONFIG line GPIO17 is called LED already/],
    [{ GPIO4: 'GPIO17' }, /^E_CONFIG board raspberry-pi-4 has a line GPIO4 already/],
    [{ LED: 'GPIO17', LAMP: 'LED' }, /has no line LED that could be called LAMP/],
  ])('are refused: %j', async (names, why) => {
    const board = await loadBoard('raspberry-pi-4');
    expect(await failure(() => nameLines(board, names as Record<string, string>))).toMatch(why);
  });

  const names = { BUTTON: 'GPIO27', LED: 'GPIO22' };
  it.each([
    ['GPIO27', names, 'GPIO27 is called BUTTON here'],
    ['gpio27', names, 'GPIO27 is called BUTTON here'],
    ['GPI027', names, 'GPIO27 is called BUTTON here'],
    ['27', names, 'GPIO27 is called BUTTON here'],
    ['GPI017', names, 'did you mean GPIO17?'],
    ['17', names, 'did you mean GPIO17?'],
    ['BUTON', names, 'did you mean BUTTON?'],
    ['GPIO27', {}, undefined],
    ['BELL', {}, expect.stringMatching(/^its lines are GPIO2, GPIO3, .*, GPIO21$/)],
    ['GPIO22', { ...names, GPIO22: 'GPIO22' }, 'E_CONFIG line GPIO22 is called LED already'],
    ['__proto__', names, expect.stringMatching(/^its lines are /)],
    ['hasOwnProperty', names, expect.stringMatching(/^its lines are /)],
  ])('are told to who asks for %s by another name: %j', async (wanted, given, hint) => {
    const look = async () => lineOf(nameLines(await loadBoard('raspberry-pi-4'), given), wanted);
    const error = await look().then(
      () => undefined,
      (thrown: IotError) => thrown.hint ?? `${thrown.code} ${thrown.message}`,
    );
    expect(error).toEqual(hint);
  });

  it('are told too where the board has another one, and the configuration another still', async () => {
    await writeFile(file, stringify(GREENHOUSE));
    const board = await readBoardFile(file);
    expect(lineHint(board, 'GPIO17')).toBe('GPIO17 is called RELAY here');
    const named = nameLines(board, { PUMP: 'RELAY' });
    expect(lineHint(named, 'GPIO17')).toBe('GPIO17 is called PUMP here');
    expect(lineHint(named, 'RELAY')).toBe('RELAY is called PUMP here');
    expect(lineHint(nameLines(board, { GPIO17: 'RELAY' }), 'RELAY')).toBe('RELAY is called GPIO17 here');
    expect(Object.keys(nameLines(board, { GPIO17: 'RELAY' }).renamed ?? {})).toEqual(['RELAY']);
  });
});
