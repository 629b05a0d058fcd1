import { z } from 'zod';
import type { Implementation } from '../../../base/contract.js';
import type { Ble } from '../contract.js';
import { BleProvider } from '../provider.js';
import { type Abandoned, openAbandoned } from './abandonware.js';
import { Exclusive } from './adapter.js';
import { loadNative } from './load.js';
import { quiet } from './quiet.js';
import { NobleRadio } from './radio.js';

const PACKAGE = '@abandonware/noble';

const Settings = z.strictObject({
  /** Number of the adapter: 0 is hci0. */
  adapter: z.int().min(0).max(31).default(0),
  exclusive: Exclusive,
});

/** Bluetooth through @abandonware/noble: HCI sockets of the kernel; needs its addon built and CAP_NET_RAW. */
export const implementation: Implementation<Ble, z.infer<typeof Settings>> = {
  settings: Settings,
  create({ adapter, exclusive }, { logger }) {
    const open = () => {
      type Open = (options: object) => Abandoned;
      const create = loadNative(PACKAGE, `${PACKAGE}/with-custom-binding`) as Open;
      return openAbandoned(() => quiet(create({ deviceId: adapter })), exclusive);
    };
    return new BleProvider(new NobleRadio(PACKAGE, `hci${adapter}`, open, logger), logger);
  },
};
