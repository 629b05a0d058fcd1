import { z } from 'zod';
import { Encoded, encodePayload } from '../../base/codec.js';
import { checkShape, ShapeError } from '../../base/config/shape.js';
import { named } from '../../base/wascc.js';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** How the request was written, and so how its answer will be: flat, or an enum in a map or an array. */
export type Form = 'flat' | 'map' | 'array';

const U32 = z.int().min(0).max(0xffff_ffff);
const Flat = z.object({ min: U32.optional(), max: U32.optional() });

/** The variant that carries the range, by number (rmp-serde 0.14) or by name (later ones). */
const Variant = z.union([
  z.string(),
  z.object({ 2: z.tuple([U32, U32]) }).transform((variant) => variant[2]),
  z.object({ RandomNumber: z.tuple([U32, U32]) }).transform((variant) => variant.RandomNumber),
  z.record(z.string(), z.null()),
]);
const Typed = z.object({ typ: Variant });

const FIELDS = ['guid', 'sequence', 'random', 'min', 'max'];

/** Either generation's request. */
export const GeneratorRequest = z.unknown().transform((value, context): { form: Form; range?: Range } => {
  const early = Array.isArray(value) && value.length === 1;
  const fields = named(value, early ? ['typ'] : FIELDS);
  const typed = typeof fields === 'object' && fields !== null && 'typ' in fields;
  const schema: z.ZodType<z.infer<typeof Typed> | z.infer<typeof Flat>> = typed ? Typed : Flat;
  const request = checked(schema, fields, context);
  if (request === undefined) return z.NEVER;
  if ('typ' in request) {
    const form = early ? 'array' : 'map';
    const { typ } = request;
    return Array.isArray(typ) ? { form, range: { min: typ[0], max: typ[1] } } : { form };
  }
  const { min, max } = request;
  return { form: 'flat', ...(min === undefined || max === undefined ? {} : { range: { min, max } }) };
});

/** The value, or what is wrong with it among the faults of the whole request. */
function checked<T>(schema: z.ZodType<T>, value: unknown, context: z.RefinementCtx): T | undefined {
  try {
    return checkShape(schema, value);
  } catch (thrown) {
    if (!(thrown instanceof ShapeError)) throw thrown;
    for (const { path, text: message } of thrown.faults)
      context.addIssue({ code: 'custom', path: [...path], message });
    return undefined;
  }
}

const VARIANTS = { guid: 0, sequence: 1, random: 2 } as const;
const VALUE = encodePayload('msgpack', 'value');

/** The answer in the form of the request. */
export function answer(form: Form, what: keyof typeof VARIANTS, value: string | number): unknown {
  if (form === 'flat') {
    return {
      guid: what === 'guid' ? value : null,
      sequenceNumber: what === 'sequence' ? value : 0,
      randomNumber: what === 'random' ? value : 0,
    };
  }
  // The encoder writes the keys of a map as text; the number of a variant is a number.
  const struct = form === 'array' ? [0x91] : [0x81, ...VALUE];
  return new Encoded(Uint8Array.from([...struct, 0x81, VARIANTS[what], ...encodePayload('msgpack', value)]));
}
