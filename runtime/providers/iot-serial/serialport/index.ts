import { access } from 'node:fs/promises';
import { z } from 'zod';
import type { Implementation } from '../../../base/contract.js';
import type { Serial } from '../contract.js';
import type { SerialDriver } from '../driver.js';
import { SerialProvider } from '../provider.js';
import { openPort } from './open.js';
import { type Place, Places } from './places.js';
import { findUsb } from './usb.js';

const Settings = z.strictObject({
  /** Names for ports beside the board's own. */
  ports: Places.default({}),
});
type Settings = z.infer<typeof Settings>;

function systemDriver(places: Readonly<Record<string, Place>>): SerialDriver {
  return {
    names: Object.keys(places),
    async locate(name) {
      const place = places[name];
      if (place === undefined) return undefined;
      if ('usb' in place) return findUsb(place.usb);
      return access(place.path).then(
        () => place.path,
        () => undefined,
      );
    },
    missing(name) {
      const place = places[name];
      if (place === undefined) return 'it is not there';
      return 'usb' in place ? `no serial adapter ${place.usb} is plugged in` : `${place.path} is not there`;
    },
    open: openPort,
  };
}

/** The machine's serial ports, through the package `serialport`. */
export const implementation: Implementation<Serial, Settings> = {
  settings: Settings,
  create: ({ ports }, { board, logger }) =>
    new SerialProvider(systemDriver({ ...placesOf(board.ports), ...ports }), logger),
};

function placesOf(ports: Readonly<Record<string, { path: string }>> = {}): Record<string, Place> {
  return Object.fromEntries(Object.entries(ports).map(([name, { path }]) => [name, { path }]));
}
