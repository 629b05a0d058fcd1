import { z } from 'zod';
import { shortUuid, UUID_TEXT } from './names.js';

const Uuid = z.string().regex(UUID_TEXT, 'not a UUID: 180d, or 128 bits in hex').transform(shortUuid);
/** Bytes as text or as a list of numbers. */
const Bytes = z
  .union([z.string(), z.array(z.int().min(0).max(255))])
  .transform((value): Uint8Array => Uint8Array.from(typeof value === 'string' ? Buffer.from(value) : value));

/** A peripheral that exists in memory only. */
export const SimPeripheral = z.strictObject({
  address: z
    .string()
    .regex(/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'expected an address like a4:c1:38:00:00:01'),
  name: z.string().optional(),
  rssi: z.int().min(-127).max(20).default(-50),
  manufacturerData: Bytes.optional(),
  serviceData: z.array(z.strictObject({ uuid: Uuid, data: Bytes })).default([]),
  services: z
    .array(
      z.strictObject({
        uuid: Uuid,
        characteristics: z.array(
          z.strictObject({
            uuid: Uuid,
            properties: z.array(z.string()).default(['read']),
            value: Bytes.default((): Uint8Array => new Uint8Array()),
          }),
        ),
      }),
    )
    .default([]),
});
export type SimPeripheral = z.infer<typeof SimPeripheral>;
