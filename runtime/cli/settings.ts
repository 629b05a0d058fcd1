import { parseDocument } from 'yaml';
import { IotError } from '../base/errors.js';
import { SECRET_REFERENCE } from '../base/secret.js';

type Settings = Record<string, unknown>;

/** Names that would reach an object's prototype instead of the object. */
const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Settings in which a secret stands: it would lie in the shell's history, and open in a message to the device. */
const SECRET = /password|passphrase|token|secret/i;

/**
 * `PORT=8080`, `publish=[home/+/state]`, `lines.LED.direction=out`: each value is YAML, dots lead into mappings.
 * Throws E_USAGE naming the argument, and for a secret that is not given by reference.
 */
export function parseSettings(args: readonly string[]): Settings {
  const settings: Settings = {};
  for (const arg of args) {
    const at = arg.indexOf('=');
    const path = arg.slice(0, Math.max(at, 0)).split('.');
    if (path.some((name) => name === '' || RESERVED.has(name))) {
      throw new IotError('E_USAGE', `"${arg}" is not a setting`, { hint: 'write it as key=value' });
    }
    if (SECRET.test(path.at(-1) ?? '') && !SECRET_REFERENCE.test(arg.slice(at + 1)))
      throw openSecret(path.join('.'));
    assign(settings, path, parseValue(arg, arg.slice(at + 1)), arg);
  }
  return settings;
}

function openSecret(setting: string): IotError {
  return new IotError('E_USAGE', `${setting} is a secret, and a secret is given by reference`, {
    hint: `${setting}=secret://NAME, with the secret on the device in ~/.config/iot-host/secrets/NAME`,
  });
}

function parseValue(arg: string, text: string): unknown {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem === undefined) return document.toJS();
  const why = problem.message.split('\n')[0]?.toLowerCase() ?? 'not valid';
  throw new IotError('E_USAGE', `the value of "${arg}" is not valid YAML: ${why}`);
}

function assign(settings: Settings, path: readonly string[], value: unknown, arg: string): void {
  const last = path.at(-1) ?? '';
  let at = settings;
  for (const name of path.slice(0, -1)) {
    at[name] ??= {};
    at = mapping(at[name], arg);
  }
  if (Object.hasOwn(at, last)) throw new IotError('E_USAGE', `"${arg}" sets ${path.join('.')} a second time`);
  at[last] = value;
}

function mapping(value: unknown, arg: string): Settings {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Settings;
  throw new IotError('E_USAGE', `"${arg}" leads into something that is no mapping`);
}
