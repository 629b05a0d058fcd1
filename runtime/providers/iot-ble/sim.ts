import { z } from 'zod';
import { checkShape } from '../../base/config/shape.js';
import type { Implementation } from '../../base/contract.js';
import type { Logger } from '../../base/logger.js';
import type { Ble } from './contract.js';
import { peripheralId } from './names.js';
import { BleProvider } from './provider.js';
import type { Place } from './radio.js';
import { SimPeripheral } from './sim-peripheral.js';
import { SimulatedRadio } from './sim-radio.js';
import type { Timing } from './timing.js';

/** Bluetooth in memory: same rules as the real one, and a hand on the peripherals. */
export class SimulatedBle extends BleProvider {
  constructor(
    logger: Logger,
    timing?: Timing,
    private readonly air = new SimulatedRadio(),
  ) {
    super(air, logger, timing);
  }

  /** Puts a peripheral within reach; one of the same address is replaced. */
  add(peripheral: z.input<typeof SimPeripheral>): void {
    this.air.add(checkShape(SimPeripheral, peripheral, { code: 'E_USAGE', context: 'no peripheral' }));
  }

  /** It advertises once more, with another signal strength or data if given. */
  advertise(address: string, changes: Partial<Pick<SimPeripheral, 'rssi' | 'manufacturerData'>> = {}): void {
    this.air.advertise(peripheralId(address), changes);
  }

  /** Out of reach, or switched off. */
  vanish(address: string): void {
    this.air.vanish(peripheralId(address));
  }

  appear(address: string): void {
    this.air.appear(peripheralId(address));
  }

  /** Sends a notification, if somebody has subscribed. */
  notify(address: string, at: Place, value: Uint8Array): void {
    this.air.notify(peripheralId(address), at, value);
  }

  /** The value of a characteristic as it stands. */
  value(address: string, at: Place): Uint8Array {
    return this.air.characteristic(peripheralId(address), at).value;
  }

  /** From now on it answers no request for this characteristic, until it answers again. */
  setSilent(address: string, at: Place, silent: boolean): void {
    this.air.setSilent(peripheralId(address), at, silent);
  }

  /** Switches the adapter. */
  setPower(on: boolean): void {
    this.air.setPower(on);
  }
}

const Settings = z.strictObject({ peripherals: z.array(SimPeripheral).default([]) });

export const implementation: Implementation<Ble, z.infer<typeof Settings>> = {
  settings: Settings,
  create({ peripherals }, { logger }) {
    const air = new SimulatedRadio();
    for (const peripheral of peripherals) air.add(peripheral);
    return new SimulatedBle(logger, undefined, air);
  },
};
