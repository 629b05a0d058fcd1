import { afterAll, beforeAll } from 'vitest';
import { VirtualRadio } from './virtual-radio.js';

// What IOT_TEST_BLE does with two adapters on a desk, over two that are emulated.
if (process.env.IOT_LAB === undefined) throw new Error('this runs inside the lab: npm run test:lab');
const radio = new VirtualRadio();
beforeAll(() => radio.start());
afterAll(() => radio.stop());
process.env.IOT_TEST_BLE = 'hci0,hci1';
await import('../providers/ble/hardware.test.js');
