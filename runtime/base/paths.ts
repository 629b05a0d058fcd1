import { homedir } from 'node:os';
import { join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The user's folders (XDG base directory specification): `config` holds `devices.yaml`, `data` the keys, `state`
 * what a device keeps. A variable that is empty or not absolute is ignored, as the specification asks.
 */
export function userFolder(kind: 'config' | 'data' | 'state', environment: Environment): string {
  const defaults = { config: '.config', data: '.local/share', state: '.local/state' };
  const set = environment[`XDG_${kind.toUpperCase()}_HOME`];
  const home = environment.HOME || homedir();
  return join(set?.startsWith('/') ? set : join(home, defaults[kind]), 'iot-host');
}
