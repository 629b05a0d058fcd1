import { IotError } from '../../base/errors.js';
import { isJsonObject, type JsonObject } from './token.js';

/** Reads members of a token; `null` counts as absent. Everything throws E_TOKEN that names the member. */
export class Fields {
  private readonly members: JsonObject;

  constructor(members: JsonObject) {
    this.members = members;
  }

  text(name: string): string | undefined {
    return this.read(name, 'text', (value) => typeof value === 'string');
  }

  requiredText(name: string): string {
    const text = this.text(name);
    return text === undefined || text === '' ? absent(name) : text;
  }

  flag(name: string): boolean {
    return this.read(name, 'true or false', (value) => typeof value === 'boolean') ?? false;
  }

  /** A whole number from `minimum` to `maximum`. */
  integer(name: string, minimum: number, maximum: number): number | undefined {
    return this.read(
      name,
      `a whole number from ${minimum} to ${maximum}`,
      (value): value is number =>
        typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum && value <= maximum,
    );
  }

  /** Unix seconds. */
  time(name: string): number | undefined {
    return this.integer(name, 0, Number.MAX_SAFE_INTEGER);
  }

  requiredTime(name: string): number {
    return this.time(name) ?? absent(name);
  }

  /** A list of texts without empty and repeated ones; none when absent. */
  texts(name: string): string[] {
    const list = this.read(
      name,
      'a list of texts',
      (value): value is string[] => Array.isArray(value) && value.every((one) => typeof one === 'string'),
    );
    return [...new Set(list ?? [])].filter((text) => text !== '');
  }

  object(name: string): Fields {
    const object = this.read(name, 'an object', isJsonObject);
    return new Fields(object ?? absent(name));
  }

  private read<Value>(
    name: string,
    wanted: string,
    accept: (value: unknown) => value is Value,
  ): Value | undefined {
    const value = Object.hasOwn(this.members, name) ? this.members[name] : undefined;
    if (value === undefined || value === null) return undefined;
    if (accept(value)) return value;
    throw new IotError('E_TOKEN', `the token's ${name} is not ${wanted}`);
  }
}

function absent(name: string): never {
  throw new IotError('E_TOKEN', `the token has no ${name}`);
}
