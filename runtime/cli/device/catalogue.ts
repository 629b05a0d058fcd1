import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Name } from '../../base/config/schema.js';
import { readYaml } from '../../base/config/source.js';
import { validate } from '../../base/config/validate.js';
import { type Environment, userFolder } from '../../base/paths.js';

const Catalogue = z.strictObject({
  /** The device meant when no other is named. */
  default: Name.optional(),
  devices: z
    .record(
      Name,
      z.strictObject({
        broker: z.string().regex(/^(mqtts?|wss?):\/\/./, 'a broker looks like mqtts://broker.example:8883'),
        username: z.string().optional(),
        password: z
          .string()
          .regex(/^secret:\/\/./, 'a password is given by reference: secret://NAME')
          .optional(),
        /** PEM file of the authority that the broker's certificate comes from; relative to this file. */
        ca: z.string().optional(),
      }),
    )
    .default({}),
});
type Catalogue = z.infer<typeof Catalogue>;

export const catalogueFile = (environment: Environment) =>
  join(userFolder('config', environment), 'devices.yaml');

/** The user's `devices.yaml`; empty when there is none. Throws E_CONFIG when it is not valid. */
export async function readCatalogue(environment: Environment): Promise<Catalogue> {
  const file = catalogueFile(environment);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? { devices: {} } : validate(readYaml(file, text, environment), Catalogue);
}
