import { chmodSync, chownSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Provider } from '#runtime/base/contract.js';
import contract from '#runtime/providers/iot-gpio/contract.js';
import { SimChip } from '#scripts/lab/sim-chip.js';
import {
  call,
  createProvider,
  failure,
  providerEnv,
  session,
  TEST_BOARD,
  until,
} from '../helpers/providers.js';
import { type Beside, beside, PRESSER } from './beside.js';

const LABEL = 'lab-lines';
const board = { ...TEST_BOARD, gpio: { ...TEST_BOARD.gpio, chip: LABEL } };
const [LED, BUTTON, FREE] = [0, 2, 17];
/** Group `dialout` of Debian: in the lab no group owns the chips. */
const GROUP = { id: 20, name: 'dialout' };
const moduleOf = (path: string) => new URL(`../../dist/runtime/${path}`, import.meta.url).href;

/** Takes line number argv[3] of the chip argv[2] as `spi0 CS0`, as another program would. */
const HOLDER = `
const [, chips, line, libc, label, offset] = process.argv;
Promise.all([import(chips), import(line), import(libc)]).then(([{ Chip }, { Line }, { libc }]) => {
  const held = new Line(Chip.open(label), 'x', Number(offset), 'spi0 CS0', { flags: 4n }, libc());
  console.log('ready', held.fd > 0);
  setInterval(() => {}, 1000);
});
`;

/** Tries to open the chip argv[2] as user 65534 in no other group; what it was loaded from, root may read alone. */
const NOBODY = `
const [, chips, label] = process.argv;
import(chips).then(({ listChips, Chip }) => {
  listChips();
  process.setgroups([]);
  process.setgid(65534);
  process.setuid(65534);
  try {
    Chip.open(label);
    console.log('opened');
  } catch (error) {
    console.log(error.code, error.message, '|', error.hint);
  }
});
`;

describe('lines of a real chip', () => {
  const chip = new SimChip(LABEL, 18);
  const besides: Beside[] = [];
  let provider: Provider;
  const told: string[] = [];

  const run = (...args: Parameters<typeof beside>) => {
    const started = beside(...args);
    besides.push(started);
    return started;
  };
  const bind = async (lines: unknown, actor = 'blink') => {
    const bound = session(contract, actor, { lines });
    await provider.bind(bound, async (_operation, message) => {
      const { edge, seq } = message as { edge: string; seq: number };
      told.push(`${edge} ${seq}`);
    });
    return (operation: string, request: object) => call(contract, provider, bound, operation, request);
  };
  const makeProvider = async (on = board) => {
    const made = await createProvider(contract, 'chardev', providerEnv({ board: on }));
    await made.start(new AbortController().signal);
    return made;
  };

  beforeAll(async () => {
    provider = await makeProvider();
  });
  afterEach(async () => {
    for (const started of besides.splice(0)) await started.end();
    await provider.unbind(session(contract, 'blink'));
    for (const line of [LED, BUTTON, FREE]) chip.press(line, 0);
    told.length = 0;
  });
  afterAll(async () => {
    await provider.stop();
    chip.remove();
  });

  it('are pulled the way that the binding says', async () => {
    let ask = await bind({ GPIO17: { direction: 'in', bias: 'pull-up' } });
    expect([await ask('Read', { line: 'GPIO17' }), chip.level(FREE)]).toEqual([{ value: 1 }, 1]);
    ask = await bind({ GPIO17: { direction: 'in', bias: 'pull-down' } });
    expect([await ask('Read', { line: 'GPIO17' }), chip.level(FREE)]).toEqual([{ value: 0 }, 0]);
  });

  it('are turned round when they are active low: levels, edges and what is safe', async () => {
    const ask = await bind({
      LED: { direction: 'out', safe: 0, active: 'low' },
      BUTTON: { direction: 'in', edge: 'both', active: 'low' },
    });
    expect(chip.level(LED)).toBe(1);
    await ask('Write', { line: 'LED', value: 1 });
    expect([chip.level(LED), await ask('Read', { line: 'LED' })]).toEqual([0, { value: 1 }]);
    expect(await ask('Read', { line: 'BUTTON' })).toEqual({ value: 1 });
    await ask('Watch', { line: 'BUTTON', edge: 'both' });
    chip.press(BUTTON, 1);
    await until(() => told.length === 1, 'the edge', 30_000);
    expect(told).toEqual(['falling 1']);
  });

  it.each([
    ['open-drain', 1, 0],
    ['open-source', 0, 1],
  ] as const)('are let go of at one level when they are %s', async (drive, released, driven) => {
    const ask = await bind({ LED: { direction: 'out', safe: released, drive } });
    await ask('Write', { line: 'LED', value: driven });
    expect(chip.level(LED)).toBe(driven);
    // A chip of gpio-sim does not fall back to its pull: that it is not driven the other way is what shows.
    await ask('Write', { line: 'LED', value: released });
    expect(chip.level(LED)).toBe(driven);
  });

  it('are debounced by the kernel: a button that bounces is one edge', async () => {
    const ask = await bind({ BUTTON: { direction: 'in', edge: 'both', debounceMs: 200 } });
    await ask('Watch', { line: 'BUTTON', edge: 'both' });
    const presser = run(PRESSER, [chip.pullFile(BUTTON), '21', '1000']);
    expect(await presser.line()).toBe('ready');
    presser.tell('go');
    expect(await presser.line()).toMatch(/^21 /);
    await until(() => told.length === 1, 'the edge', 30_000);
    chip.press(BUTTON, 0);
    await until(() => told.length === 2, 'the other edge', 30_000);
    expect(told).toEqual(['rising 1', 'falling 2']);
  });

  it('are refused with the name of the program that holds them', async () => {
    const files = [
      'providers/iot-gpio/chardev/chips.js',
      'providers/iot-gpio/chardev/line.js',
      'base/linux/libc.js',
    ];
    const holder = run(HOLDER, [...files.map(moduleOf), LABEL, String(FREE)]);
    expect(await holder.line()).toBe('ready true');
    const out = { GPIO17: { direction: 'out' } };
    expect(await failure(() => bind(out))).toBe(
      `E_BUSY line GPIO17 (17 of ${LABEL}) is in use by "spi0 CS0"`,
    );
    await holder.end();
    await bind(out);
  });

  it('are missed by name: those that the chip does not have, and the chip', async () => {
    const gpio = { ...board.gpio, lines: { FAR: { offset: 18, direction: 'any' as const } } };
    const other = await makeProvider({ ...board, gpio });
    const far = session(contract, 'far', { lines: { FAR: { direction: 'in' } } });
    expect(await failure(() => other.bind(far, async () => undefined))).toMatch(
      /^E_UNAVAILABLE line FAR \(18 of lab-lines\) is not there: \/dev\/gpiochip\d+ has 18 lines$/,
    );
    await other.stop();
    await expect(
      makeProvider({ ...board, gpio: { ...board.gpio, chip: 'pinctrl-rp1' } }),
    ).rejects.toMatchObject({
      code: 'E_UNAVAILABLE',
      message: 'this machine has no GPIO chip "pinctrl-rp1"',
      hint: expect.stringContaining(LABEL),
    });
  });

  it('are not for everybody: the error names the group to join', async () => {
    const says = async () => run(NOBODY, [moduleOf('providers/iot-gpio/chardev/chips.js'), LABEL]).line();
    chmodSync(chip.device, 0o600);
    expect(await says()).toMatch(
      /^E_UNAVAILABLE \/dev\/gpiochip\d+ may not be opened \(EACCES\) \| only root may open it: give .* to a group/,
    );
    chownSync(chip.device, 0, GROUP.id);
    chmodSync(chip.device, 0o660);
    expect(await says()).toContain(`(EACCES) | sudo usermod -aG ${GROUP.name} $USER, then log in again`);
    chmodSync(chip.device, 0o666);
    expect(await says()).toBe('opened');
  });
});
