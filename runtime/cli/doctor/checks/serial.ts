import { type Check, type Finding, fail, ok, warn } from '../finding.js';
import { joinGroup } from '../groups.js';
import type { Machine } from '../machine.js';
import type { Subject } from '../subject.js';

/** The serial ports that bindings use; without any, only what there is. */
export const checkSerial: Check = async (machine, subject) => {
  const { board, uses, implementations } = subject;
  const used = uses.filter(({ kind, name }) => kind === 'port' && Object.hasOwn(board.ports, name));
  if (implementations['iot:serial'] === 'sim') return [ok('serial', 'simulated ports')];
  if (!uses.some(({ kind }) => kind === 'port')) return [ok('serial', 'no binding uses a port')];
  if ((await machine.packageFolder('serialport')) === undefined) {
    const fix = 'npm install serialport, in the folder where iot-host is installed';
    return [fail('serial', 'the package serialport is not installed', fix)];
  }
  const findings: Finding[] = [];
  for (const { name, actor } of used) findings.push(await checkPort(name, actor, machine, subject));
  return findings.length > 0 ? findings : [ok('serial', 'the ports in use are none of the board’s own')];
};

async function checkPort(name: string, actor: string, machine: Machine, subject: Subject): Promise<Finding> {
  const { path = '', enable } = subject.board.ports[name] ?? {};
  const what = `port ${name} of ${actor} (${path})`;
  const refusal = await machine.refusal(path, 'rw');
  if (refusal === 'ENOENT') {
    return fail(
      'serial',
      `${what} is not there`,
      enable ?? 'see whether it is switched on: iot-host board show',
    );
  }
  if (refusal === 'EACCES' || refusal === 'EPERM') {
    return fail('serial', `${machine.user} may not open ${what}`, await joinGroup(machine, 'dialout'));
  }
  if (refusal !== undefined)
    return fail('serial', `${what} cannot be opened (${refusal})`, 'iot-host board show');
  const consoles = [...((await machine.text('/proc/cmdline')) ?? '').matchAll(/\bconsole=([A-Za-z0-9]+)/g)];
  const device = (await machine.target(path)).replace('/dev/', '');
  if (consoles.some(([, on]) => on === device)) {
    const fix =
      'sudo raspi-config: Interface Options, Serial Port, no login shell; or take console= out of cmdline.txt';
    return warn('serial', `${what} is also the console of the kernel`, fix);
  }
  return ok('serial', `${what} is there`);
}
