import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import contract from '#runtime/providers/iot-ble/contract.js';
import { createProvider, providerEnv, recordingLogger } from '../../helpers/providers.js';
import type { Bench } from './ble.contract.js';
import { Peripheral } from './peripheral.js';

/** A controller that has just come is set up by the kernel first, which refuses meanwhile: milliseconds. */
const SETTLING_MS = 10_000;

/** Two adapters of the kernel that hear each other: the provider has one, the peripheral the other, past the kernel. */
export class TwoAdapters {
  readonly #peripheral: Peripheral;

  /** @param names Of the provider’s and of the peripheral’s: `hci0` and `hci1`. */
  constructor(private readonly names: readonly [string, string]) {
    this.#peripheral = new Peripheral({ deviceId: numberOf(names[1]) }, { HCI_CHANNEL_USER: '1' });
  }

  /** The number of the provider’s. */
  get number(): number {
    return numberOf(this.names[0]);
  }

  /** The provider’s is up, the peripheral’s is down. */
  async start(): Promise<void> {
    await up(this.names[0]);
    hciconfig(this.names[1], 'down');
  }

  /** For a provider that is to have it for itself. */
  down(): void {
    hciconfig(this.names[0], 'down');
  }

  /** Both are down. */
  async stop(): Promise<void> {
    await this.#peripheral.kill();
    for (const name of this.names) hciconfig(name, 'down');
  }

  async bench(use: string, settings: object, lines: string[]): Promise<Bench> {
    const peripheral = this.#peripheral;
    await peripheral.start();
    const env = providerEnv({ logger: recordingLogger(lines) });
    return {
      provider: await createProvider(contract, use, env, settings),
      address: peripheral.address,
      notify: async (value) => void (await peripheral.ask('notify', value)),
      written: async () => (await peripheral.ask('written')) as string | undefined,
      asked: async () => void (await peripheral.ask('asked')),
      vanish: () => peripheral.vanish(),
      appear: () => peripheral.start(),
      close: async () => {},
    };
  }
}

function numberOf(name: string): number {
  return Number(name.slice('hci'.length));
}

async function up(name: string): Promise<void> {
  for (const end = performance.now() + SETTLING_MS; ; await sleep(50)) {
    try {
      return hciconfig(name, 'up');
    } catch (thrown) {
      if (performance.now() > end) throw thrown;
    }
  }
}

/** Of the package bluez; what it says is in the error. */
function hciconfig(name: string, to: 'up' | 'down'): void {
  execFileSync('hciconfig', [name, to], { stdio: 'pipe' });
}
