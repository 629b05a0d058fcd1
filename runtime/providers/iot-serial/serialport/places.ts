import { z } from 'zod';

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
