import { spawnSync } from 'node:child_process';
import contract from '#runtime/providers/iot-ble/contract.js';
import { createProvider, providerEnv, recordingLogger } from '../../helpers/providers.js';
import type { Bench } from './ble.contract.js';
import { Peripheral } from './peripheral.js';

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

  /** The provider’s is up, the peripheral’s is down, and the kernel has forgotten what either was connected to. */
  start(): void {
    for (const name of this.names) hciconfig(name, 'down');
    hciconfig(this.names[0], 'up');
  }

  /** For a provider that is to have it for itself. */
  down(): void {
    hciconfig(this.names[0], 'down');
  }

  async stop(): Promise<void> {
    await this.#peripheral.end();
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
      // A central that goes away with its adapter is not missed by an emulated peripheral: it would keep a connection
      // and answer on the next one what the last one asked.
      close: () => peripheral.end(),
    };
  }
}

function numberOf(name: string): number {
  return Number(name.slice('hci'.length));
}

/** Of the package bluez; needs CAP_NET_ADMIN. Throws what it says when it fails. */
export function hciconfig(name: string, to: 'up' | 'down'): void {
  const { status, stderr, error } = spawnSync('hciconfig', [name, to], { encoding: 'utf8' });
  if (status === 0) return;
  const said = error?.message ?? stderr.trim().replaceAll('\n', ' ');
  throw new Error(`hciconfig ${name} ${to}: ${said} (what it needs is in docs/hardware.md)`);
}
