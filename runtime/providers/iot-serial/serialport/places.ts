import { z } from 'zod';
import { ResourceName } from '../../../base/board.js';

/** `0403:6001`, or with the serial number of one adapter: `0403:6001:A6008isP`. */
const UsbId = z
  .string()
  .regex(
    /^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}(:[^:].{0,125})?$/,
    'expected vendor:product like 0403:6001 (lsusb shows them), or 0403:6001:SERIAL',
  );

/** Where a port is: a device node, or a USB adapter wherever it is plugged in. */
export const Place = z.union([
  z.strictObject({ path: z.string().startsWith('/dev/') }),
  z.strictObject({ usb: UsbId }),
]);
export type Place = z.infer<typeof Place>;

/** Ports by name. Two names for one device are refused: two actors would open it, and one of them in vain. */
export const Places = z.record(ResourceName, Place).superRefine((places, context) => {
  const seen = new Map<string, string>();
  for (const [name, place] of Object.entries(places)) {
    const device = 'usb' in place ? place.usb.toLowerCase() : place.path;
    const before = seen.get(device);
    if (before !== undefined) {
      const message = `the same device as port ${before}: one name for each`;
      context.addIssue({ code: 'custom', path: [name], message });
    }
    seen.set(device, before ?? name);
  }
});
