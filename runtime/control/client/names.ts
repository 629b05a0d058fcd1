import { Name } from '../../base/config/schema.js';
import { IotError } from '../../base/errors.js';

/** A device or component name becomes a topic level: nothing that could be a wildcard or another level passes. */
export function requireName(what: 'device' | 'component', name: string): string {
  const parsed = Name.safeParse(name);
  if (parsed.success) return name;
  const hint = parsed.error.issues[0]?.message;
  throw new IotError('E_USAGE', `${JSON.stringify(name)} is not a name of a ${what}`, { hint });
}
