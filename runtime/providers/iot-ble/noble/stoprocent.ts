import { z } from 'zod';
import type { Implementation } from '../../../base/contract.js';
import type { Ble } from '../contract.js';
import { BleProvider } from '../provider.js';
import { Exclusive } from './adapter.js';
import type { Noble } from './api.js';
import { loadNative } from './load.js';
import { quiet } from './quiet.js';
import { NobleRadio } from './radio.js';
import { UartRadio } from './uart.js';
import { openUart, portPath } from './uart-port.js';

const PACKAGE = '@stoprocent/noble';

const Uart = z.strictObject({
  /** A port as the board names it (`uart0`), or a path. */
  port: z.string().regex(/^\/|^[A-Za-z0-9_-]{1,64}$/, 'neither a path nor the name of a port'),
  baudRate: z.int().min(9_600).max(4_000_000).default(1_000_000),
});

const Settings = z.strictObject({
  /** A number: that adapter of the kernel, 0 is hci0. `uart`: a controller on a serial port, with no kernel between. */
  hci: z.union([z.int().min(0).max(31), z.strictObject({ uart: Uart })]).default(0),
  exclusive: Exclusive,
});

function withBindings(options: object): Noble {
  type Module = { withBindings(type: string, options: object): Noble };
  return quiet((loadNative(PACKAGE, PACKAGE) as Module).withBindings('hci', options));
}

/** Bluetooth through @stoprocent/noble: an adapter of the kernel (CAP_NET_RAW), or HCI over UART (H4). */
export const implementation: Implementation<Ble, z.infer<typeof Settings>> = {
  settings: Settings,
  create({ hci, exclusive }, { logger, board }) {
    if (typeof hci === 'number') {
      const open = () => withBindings({ deviceId: hci, userChannel: exclusive });
      return new BleProvider(new NobleRadio(PACKAGE, `hci${hci}`, open, logger), logger);
    }
    const { port, baudRate } = hci.uart;
    const make = (path: string, failed: (error: Error) => void) => {
      const options = { hciDriver: 'uart', bindParams: { uart: { port: path, baudRate } } };
      return new NobleRadio(PACKAGE, path, () => openUart(() => withBindings(options), failed), logger);
    };
    return new BleProvider(new UartRadio(() => portPath(port, board.ports), make, logger), logger);
  },
};
