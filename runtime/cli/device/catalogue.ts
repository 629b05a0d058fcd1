import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Name } from '../../base/config/schema.js';
import { readYaml } from '../../base/config/source.js';
import { validate } from '../../base/config/validate.js';
import { type Environment, userFolder } from '../../base/paths.js';

const Entry = z.strictObject({
  broker: z.string().regex(/^(mqtts?|wss?):\/\/./, 'a broker looks like mqtts://broker.example:8883'),
  username: z.string().optional(),
  password: z
    .string()
    .regex(/^secret:\/\/./, 'a password is given by reference: secret://NAME')
    .optional(),
  /** PEM file of the authority that the broker's certificate comes from; relative to this file. */
  ca: z.string().optional(),
  /** What `--label` finds it by, besides the labels that the device gives itself. */
  labels: z.record(z.string(), z.string()).optional(),
});

const Catalogue = z.strictObject({
  /** The device meant when no other is named. */
  default: Name.optional(),
  devices: z.record(Name, Entry).default({}),
});
export type Catalogue = z.infer<typeof Catalogue>;
export type CatalogueEntry = z.infer<typeof Entry>;

export const catalogueFile = (environment: Environment) =>
  join(userFolder('config', environment), 'devices.yaml');

/** The user's `devices.yaml`; empty when there is none. Throws E_CONFIG when it is not valid. */
export async function readCatalogue(environment: Environment): Promise<Catalogue> {
  const file = catalogueFile(environment);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? { devices: {} } : parseCatalogue(file, text, environment);
}

/** Throws E_CONFIG. */
export function parseCatalogue(file: string, text: string, environment: Environment): Catalogue {
  const source = readYaml(file, text, environment);
  return validate({ ...source, value: filled(source.value) }, Catalogue);
}

/** A file, or a `devices:`, with nothing in it is no mistake. */
function filled(value: unknown): unknown {
  if (value === null) return {};
  const empty = typeof value === 'object' && 'devices' in value && value.devices === null;
  return empty ? { ...value, devices: {} } : value;
}
