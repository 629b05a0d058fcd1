import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Provider, Session } from '#runtime/base/contract.js';
import contract from '#runtime/providers/iot-ble/contract.js';
import { NobleRadio } from '#runtime/providers/iot-ble/noble/radio.js';
import { BleProvider } from '#runtime/providers/iot-ble/provider.js';
import { SimulatedBle } from '#runtime/providers/iot-ble/sim.js';
import type { Timing } from '#runtime/providers/iot-ble/timing.js';
import { HandClock } from '../../helpers/hand-clock.js';
import { call, recordingLogger, session, until } from '../../helpers/providers.js';
import { CHARACTERISTICS, SERVICE } from './ble.contract.js';
import { FakeNoble } from './fake-noble.js';
import { addThermo, THERMO, THERMO_ID } from './sim-peripherals.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Switched {
  readonly provider: Provider;
  power(on: boolean): void;
  vanish(): void;
}

const IMPLEMENTATIONS: Record<string, (timing: Timing) => Switched> = {
  sim(timing) {
    const provider = new SimulatedBle(recordingLogger([]), timing);
    addThermo(provider);
    return { provider, power: (on) => provider.setPower(on), vanish: () => provider.vanish(THERMO) };
  },
  noble(timing) {
    const logger = recordingLogger([]);
    const noble = new FakeNoble();
    const provider = new BleProvider(new NobleRadio('package', 'hci0', () => noble, logger), logger, timing);
    return { provider, power: (on) => noble.setPower(on), vanish: () => noble.vanish() };
  },
};

describe.each(Object.entries(IMPLEMENTATIONS))('iot:ble %s, when its adapter is switched', (_name, make) => {
  let clock: HandClock;
  let bench: Switched;
  let actor: Session;
  let losses: number;

  beforeEach(async () => {
    clock = new HandClock();
    losses = 0;
    bench = make({ clock, random: () => 0.5, connectMs: 20_000, operationMs: 10_000 });
    await bench.provider.start(new AbortController().signal);
    actor = session(contract, 'actor', { peripherals: [THERMO] });
    await bench.provider.bind(actor, async (operation) => {
      if (operation === 'Disconnected') losses += 1;
    });
    await call(contract, bench.provider, actor, 'Connect', { id: THERMO_ID });
  });
  afterEach(async () => {
    await bench.provider.stop();
    expect(clock.waits()).toEqual([]);
  });

  const read = async () => {
    const at = { id: THERMO_ID, service: SERVICE, characteristic: CHARACTERISTICS.value };
    const { value } = (await call(contract, bench.provider, actor, 'Read', at)) as { value: Uint8Array };
    return Buffer.from(value).toString();
  };
  const waitsFor = (ms: number) => until(() => clock.waits().includes(ms), `a wait of ${ms} ms`);
  /** Lets attempts fail until the next one is that far away. */
  const passUntil = async (ms: number) => {
    for (await turn(); !clock.waits().includes(ms); await turn()) clock.pass(Math.max(...clock.waits(), 0));
  };

  it('is connected again at once when it is back, whatever pause was under way', async () => {
    bench.power(false);
    await until(() => losses === 1, 'Disconnected');
    await passUntil(10_000);
    const before = clock.now();
    bench.power(true);
    await expect.poll(() => read().catch(() => 'away'), { timeout: 10_000 }).toBe('hello');
    expect(clock.now()).toBe(before);
    expect(clock.waits()).toEqual([]);
    expect(losses).toBe(1);
    // It did not last, but what failed without an adapter does not count.
    bench.vanish();
    await waitsFor(1_000);
  });

  it('goes on with its pauses while it is on', async () => {
    bench.vanish();
    await passUntil(10_000);
    bench.power(true);
    clock.pass(10_000);
    await waitsFor(20_000);
    clock.pass(20_000);
    await waitsFor(30_000);
  });
});
