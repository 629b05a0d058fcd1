import { type Finding, fail, ok, warn } from './finding.js';
import { joinGroup } from './groups.js';
import type { Machine } from './machine.js';

/** A serial device that is to be opened: that it is there, may be opened, and is not the kernel's console. */
export async function checkNode(
  check: string,
  what: string,
  path: string,
  missing: string,
  machine: Machine,
): Promise<Finding> {
  const refusal = await machine.refusal(path, 'rw');
  if (refusal === 'ENOENT') return fail(check, `${what} is not there`, missing);
  if (refusal === 'EACCES' || refusal === 'EPERM')
    return fail(check, `${machine.user} may not open ${what}`, await joinGroup(machine, 'dialout'));
  if (refusal !== undefined)
    return fail(
      check,
      `${what} cannot be opened (${refusal})`,
      'dmesg | tail says why; iot-host board show says what the port is',
    );
  const consoles = [...((await machine.text('/proc/cmdline')) ?? '').matchAll(/\bconsole=([A-Za-z0-9]+)/g)];
  const device = (await machine.target(path)).replace('/dev/', '');
  if (consoles.some(([, on]) => on === device)) {
    const fix =
      'sudo raspi-config: Interface Options, Serial Port, no login shell; or take console= out of cmdline.txt';
    return warn(check, `${what} is also the console of the kernel`, fix);
  }
  return ok(check, `${what} is there`);
}
