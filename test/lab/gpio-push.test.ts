import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chip } from '#runtime/providers/iot-gpio/chardev/chips.js';
import { Cleanup } from '../helpers/cleanup.js';
import { until } from '../helpers/providers.js';
import { type Beside, beside, seenBy, WATCHER } from './beside.js';
import { PATIENCE_MS, PI_LABEL, RealDevice } from './real-device.js';

const [LED, BUTTON, VALVE, FAN] = [17, 27, 22, 23];
const SAFE = [
  [LED, 0],
  [VALVE, 0],
  [FAN, 1],
] as const;
const LAMP_CAPS = ['iot:gpio', 'iot:mqtt'];

/** The lamp of actors/lamp, and a slot whose outputs are at rest at 0 and at 1. */
const config = {
  lines: { LED: 'GPIO17', BUTTON: 'GPIO27', VALVE: 'GPIO22', FAN: 'GPIO23' },
  // So long that a module which traps on its timer traps in its probation, however slow the processor is.
  updates: { dwellMs: 5_000 },
  actors: [
    {
      name: 'lamp',
      limits: { deadlineMs: 20_000 },
      bindings: [
        {
          contract: 'iot:gpio',
          lines: { LED: { direction: 'out', safe: 0 }, BUTTON: { direction: 'in', edge: 'both' } },
        },
        { contract: 'iot:timer' },
        { contract: 'iot:mqtt', publish: ['home/+/state'] },
      ],
    },
    {
      name: 'pump',
      limits: { deadlineMs: 20_000 },
      bindings: [
        {
          contract: 'iot:gpio',
          lines: { VALVE: { direction: 'out', safe: 0 }, FAN: { direction: 'out', safe: 1 } },
        },
        { contract: 'iot:mqtt', subscribe: ['home/cmd/#'] },
      ],
    },
  ],
};

describe('iot-host up on a real chip, and modules that are pushed to it', {
  timeout: 3 * PATIENCE_MS,
}, () => {
  const cleanup = new Cleanup();
  let device: RealDevice;
  let watcher: Beside;

  beforeAll(async () => {
    device = await RealDevice.start(cleanup, config);
    const files = [LED, VALVE, FAN].map((line) => device.chip.valueFile(line));
    watcher = beside(WATCHER, files);
    cleanup.add(() => watcher.end());
    expect(await watcher.line()).toBe('ready');
  }, PATIENCE_MS);
  afterAll(() => cleanup.run(), PATIENCE_MS);

  const levels = () => [LED, VALVE, FAN].map((line) => device.chip.level(line)).join('');
  const reaches = (wanted: string, why: string) => until(() => levels() === wanted, why, PATIENCE_MS);
  const press = async (wanted: string) => {
    device.chip.press(BUTTON, 1);
    await reaches(wanted, 'the lamp');
    device.chip.press(BUTTON, 0);
  };
  /** Both outputs of the pump away from where they rest. */
  const run = async () => {
    for (const line of ['VALVE', 'FAN']) await device.call('pump', 'Levels', line);
  };
  const becomes = async (wanted: string) => {
    let state = '';
    for (const end = Date.now() + PATIENCE_MS; state !== wanted; ) {
      state = await device.state('pump');
      if (Date.now() > end) throw new Error(`${state}, not ${wanted}`);
    }
  };

  it('an output keeps its level while its actor, and the provider below it, are swapped', async () => {
    await device.install('lamp-c', { name: 'lamp', rev: 1, caps: LAMP_CAPS });
    await press('101');
    await seenBy(watcher);

    await device.install('lamp-as', { name: 'lamp', rev: 2, caps: LAMP_CAPS });
    expect(await device.state('lamp')).toBe('lamp 2.0.0 running');
    const bad = await device.push('bad-trap', { name: 'lamp', rev: 3, caps: [...LAMP_CAPS, 'iot:timer'] });
    expect([bad.code === 0, bad.stderr]).toEqual([
      false,
      expect.stringMatching(/lamp rolled-back: E_(PROBATION_)?TRAP/),
    ]);
    expect(await device.state('lamp')).toBe('lamp 2.0.0 running');
    await device.does('providers', 'swap', 'iot:gpio', '--to', 'chardev');
    const { looks, levels: sampled } = await seenBy(watcher);
    console.log(`${looks} looks at the level during a push, a push that failed and a swap of the provider`);
    expect(sampled).toEqual(['101']);
    expect(looks).toBeGreaterThan(1_000);

    // Whoever is in charge now has the button still, and may change it.
    await press('001');
    expect((await seenBy(watcher)).levels).toEqual(['101', '001']);
    // It looks without a pause: half of this machine's processor.
    await watcher.end();
  });

  it('outputs are at their safe level when nobody is in charge, however that came', async () => {
    await press('101');
    const caps = ['iot:gpio', 'iot:mqtt'];
    await device.install('probe-c', { name: 'pump', rev: 1, caps });
    await run();
    expect(levels()).toBe('110');

    // It traps when a message comes, long after it was committed.
    await device.install('bad-trap', { name: 'pump', rev: 2, caps });
    expect(levels()).toBe('110');
    const outside = await connectAsync(device.broker);
    cleanup.add(() => outside.endAsync());
    await outside.publishAsync('home/cmd/count', '1', { qos: 1 });
    await reaches('101', 'the safe levels after a trap');
    for (let n = 2; !(await device.state('pump')).endsWith('quarantined'); n++) {
      if ((await device.state('pump')).endsWith('running'))
        await outside.publishAsync('home/cmd/count', `${n}`, { qos: 1 });
    }
    expect(levels()).toBe('101');

    await device.install('probe-as', { name: 'pump', rev: 3, caps });
    await run();
    expect(levels()).toBe('110');
    await device.does('stop', 'pump');
    await reaches('101', 'the safe levels after a stop');
    await device.does('start', 'pump');
    await becomes('pump 3.0.0 running');
    await run();
    await device.does('rm', 'pump', '--yes');
    await reaches('101', 'the safe levels after a removal');
    await device.install('probe-c', { name: 'pump', rev: 4, caps });

    // A line that is let go of has the level that it is pulled to; a pin on a board keeps the one it had.
    for (const [line, level] of SAFE) device.chip.press(line, level);
    await run();
    expect(levels()).toBe('110');
    expect(await device.host.end('SIGTERM')).toBe(0);
    expect(levels()).toBe('001');
    const chip = Chip.open(PI_LABEL);
    cleanup.add(() => chip.close());
    expect(SAFE.map(([line]) => chip.lineInfo(line)?.used)).toEqual([false, false, false]);
  });
});
