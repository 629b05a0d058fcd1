import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure } from '../../helpers/providers.js';
import { testBleContract } from './ble.contract.js';
import { TwoAdapters } from './two-adapters.js';

// Two adapters of this machine within reach of each other: the provider has the first, the peripheral the second.
// It takes them up and down, which needs CAP_NET_ADMIN, and nobody else may do so meanwhile.
const PATIENCE_MS = 30_000;

const setting = process.env.IOT_TEST_BLE;
const names = /^(hci\d+),(?!\1$)(hci\d+)$/.exec(setting ?? '')?.slice(1) as [string, string] | undefined;
if (setting !== undefined && names === undefined) {
  throw new Error(`IOT_TEST_BLE=${setting} does not name two adapters, such as hci0,hci1`);
}

function testPackage(name: string, use: string, settings: object, two: TwoAdapters): void {
  const exclusive = { ...settings, exclusive: true };

  describe(`${name}, an adapter for itself`, () => {
    beforeAll(() => two.start(), PATIENCE_MS);
    afterAll(() => two.stop(), PATIENCE_MS);

    it('says that the adapter is up, and has it when it is down', async () => {
      const lines: string[] = [];
      const { provider } = await two.bench(use, exclusive, lines);
      // One package throws, the other one knows a state for it.
      const refused = await failure(() => provider.start(new AbortController().signal));
      expect(`${refused} ${provider.problem?.()}`).toMatch(/is up/);
      await provider.stop();
      two.down();
    });

    testBleContract(name, (lines) => two.bench(use, exclusive, lines), PATIENCE_MS);
  });

  describe(`${name}, through the kernel`, () => {
    beforeAll(() => two.start(), PATIENCE_MS);
    afterAll(() => two.stop(), PATIENCE_MS);
    testBleContract(name, (lines) => two.bench(use, settings, lines), PATIENCE_MS);
  });
}

if (names === undefined) {
  process.stderr.write(
    'skipped iot:ble over two adapters within reach of each other: IOT_TEST_BLE does not name any, such as hci0,hci1\n',
  );
  it.skip('iot:ble over two adapters: IOT_TEST_BLE does not name any', () => {});
} else {
  const two = new TwoAdapters(names);
  testPackage('@stoprocent/noble', 'stoprocent', { hci: two.number }, two);
  testPackage('@abandonware/noble', 'noble', { adapter: two.number }, two);
}
