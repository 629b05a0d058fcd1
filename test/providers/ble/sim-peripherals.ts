import type { SimulatedBle } from '#runtime/providers/iot-ble/sim.js';
import { CHARACTERISTICS, SERVICE } from './ble.contract.js';

export const THERMO = 'a4:c1:38:00:00:01';
export const THERMO_ID = 'a4c138000001';

/** The peripheral of the contract test. */
export function addThermo(ble: SimulatedBle, address = THERMO): void {
  ble.add({
    address,
    name: 'thermo',
    services: [
      {
        uuid: SERVICE,
        characteristics: [
          { uuid: CHARACTERISTICS.value, value: 'hello' },
          { uuid: CHARACTERISTICS.target, properties: ['write', 'writeWithoutResponse'] },
          { uuid: CHARACTERISTICS.reading, properties: ['notify'] },
          { uuid: CHARACTERISTICS.silent },
        ],
      },
    ],
  });
  ble.setSilent(address, { service: SERVICE, characteristic: CHARACTERISTICS.silent }, true);
}
