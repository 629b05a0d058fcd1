import { z } from 'zod';

/**
 * What the waSCC contracts have in common. Actors of the first generation (2019 to early 2020) write a struct as an
 * array of its members in declaration order and bytes as an array of numbers; later ones write maps and binary.
 */

/** Bytes in either form; absent or nil is none. */
export const Bytes = z
  .union([
    z.instanceof(Uint8Array),
    z.array(z.int().min(0).max(255)).transform((list) => Uint8Array.from(list)),
  ])
  .nullish()
  .transform((bytes) => bytes ?? new Uint8Array(0));

/** A struct in either form. Members that the array does not reach are absent; elements beyond are ignored. */
export function struct<T>(fields: readonly string[], shape: z.ZodType<T>): z.ZodType<T> {
  return z.preprocess((value) => named(value, fields), shape);
}

/** The members of a struct by name; anything but an array is left as it is. */
export function named(value: unknown, fields: readonly string[] | undefined): unknown {
  if (!Array.isArray(value) || fields === undefined) return value;
  return Object.fromEntries(fields.slice(0, value.length).map((field, index) => [field, value[index]]));
}
