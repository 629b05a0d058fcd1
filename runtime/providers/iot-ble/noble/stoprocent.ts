import { z } from 'zod';
import type { Implementation } from '../../../base/contract.js';
import type { Ble } from '../contract.js';
import { BleProvider } from '../provider.js';
import { Exclusive } from './adapter.js';
import type { Noble } from './api.js';
import { loadNative } from './load.js';
import { NobleRadio } from './radio.js';

const PACKAGE = '@stoprocent/noble';

const Settings = z.strictObject({
  /** A number: that adapter of the kernel, 0 is hci0. `uart`: a controller on a serial port, with no kernel between. */
  hci: z
    .union([
      z.int().min(0).max(31),
      z.strictObject({
        uart: z.strictObject({
          port: z.string().startsWith('/'),
          baudRate: z.int().min(9_600).max(4_000_000).default(1_000_000),
        }),
      }),
    ])
    .default(0),
  exclusive: Exclusive,
});

/** Bluetooth through @stoprocent/noble: an adapter of the kernel (CAP_NET_RAW), or HCI over UART. */
export const implementation: Implementation<Ble, z.infer<typeof Settings>> = {
  settings: Settings,
  create({ hci, exclusive }, { logger }) {
    const adapter = typeof hci === 'number' ? `hci${hci}` : hci.uart.port;
    const options =
      typeof hci === 'number'
        ? { deviceId: hci, userChannel: exclusive }
        : { hciDriver: 'uart', bindParams: { uart: hci.uart } };
    const open = () => {
      type Module = { withBindings(type: string, options: object): Noble };
      return (loadNative(PACKAGE, PACKAGE) as Module).withBindings('hci', options);
    };
    return new BleProvider(new NobleRadio(PACKAGE, adapter, open, logger), logger);
  },
};
