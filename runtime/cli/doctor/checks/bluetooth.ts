import { join } from 'node:path';
import { checkNode } from '../device-node.js';
import { type Check, type Finding, fail, ok } from '../finding.js';
import type { Machine } from '../machine.js';
import { providersOf, type Subject } from '../subject.js';

const CONTRACT = 'iot:ble';
const PACKAGES = { noble: '@abandonware/noble', stoprocent: '@stoprocent/noble' } as const;
/** Bits in the sets of /proc/self/status (capabilities(7)). */
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n } as const;
type Capability = keyof typeof CAPABILITIES;

/** Radio and packages, of each provider that the configuration uses. */
export const checkBluetooth: Check = async (machine, subject) => {
  const providers = providersOf(subject, CONTRACT);
  if (providers.length === 0) return [ok('bluetooth', 'no binding uses it')];
  const findings: Finding[] = [];
  for (const { implementation: use, settings } of providers) {
    if (use !== 'noble' && use !== 'stoprocent') findings.push(ok('bluetooth', `${use} radio`));
    else
      findings.push(
        await checkPackage(PACKAGES[use], machine),
        ...(await checkRadio(settings, machine, subject)),
      );
  }
  return findings;
};

/** Settings of the providers `noble` and `stoprocent`. They are checked elsewhere. */
interface Settings {
  readonly adapter?: number;
  readonly hci?: number | { readonly uart?: { readonly port?: string } };
  readonly exclusive?: boolean;
}

async function checkRadio(settings: Settings, machine: Machine, { board }: Subject): Promise<Finding[]> {
  const { adapter, hci, exclusive } = settings;
  const number = adapter ?? hci ?? 0;
  if (typeof number === 'object') {
    // A controller on a serial port has no kernel in between.
    const { port = '' } = number.uart ?? {};
    const found = Object.hasOwn(board.ports, port) ? board.ports[port] : undefined;
    const what = `the controller’s port ${port}`;
    if (found === undefined && !port.startsWith('/')) {
      const names = Object.keys(board.ports).join(', ');
      return [
        fail('bluetooth', `${what} is none of the board`, names === '' ? 'give its path' : `one of ${names}`),
      ];
    }
    const path = found?.path ?? port;
    return [await checkNode('bluetooth', what, path, found?.enable ?? 'plug it in', machine)];
  }
  return [
    await checkAdapter(`hci${number}`, machine),
    ...(await checkSwitches(machine)),
    ...(exclusive === true ? await checkAlone(`hci${number}`, machine) : []),
    await checkRight(exclusive === true ? ['CAP_NET_ADMIN', 'CAP_NET_RAW'] : ['CAP_NET_RAW'], machine),
  ];
}

/** An adapter that one program is to have alone has to be down, and bluetoothd switches it on. */
async function checkAlone(adapter: string, machine: Machine): Promise<Finding[]> {
  for (const process of (await machine.list('/proc')).filter((name) => /^\d+$/.test(name))) {
    if ((await machine.text(`/proc/${process}/comm`))?.trim() !== 'bluetoothd') continue;
    const fix = `sudo systemctl disable --now bluetooth; sudo hciconfig ${adapter} down\nor leave exclusive: out`;
    return [fail('bluetooth', `bluetoothd (process ${process}) holds ${adapter}`, fix)];
  }
  return [];
}

async function checkPackage(name: string, machine: Machine): Promise<Finding> {
  const socket = name.replace('/noble', '/bluetooth-hci-socket');
  if ((await machine.packageFolder(name)) === undefined) {
    const fix = `npm install ${name}, in the folder where iot-host is installed`;
    return fail('bluetooth', `the package ${name} is not installed`, fix);
  }
  const folder = await machine.packageFolder(socket);
  const places = ['build/Release', `prebuilds/${machine.platform}-${machine.arch}`];
  for (const place of folder === undefined ? [] : places) {
    const files = await machine.list(join(folder ?? '', place));
    if (files.some((file) => file.endsWith('.node'))) return ok('bluetooth', `${name}, its addon is built`);
  }
  const fix = `sudo apt install build-essential python3; npm rebuild --foreground-scripts ${socket} ${name}`;
  return fail('bluetooth', `the addon of ${name} (${socket}) is not built`, fix);
}

async function checkAdapter(adapter: string, machine: Machine): Promise<Finding> {
  const adapters = (await machine.list('/sys/class/bluetooth')).filter((name) => /^hci\d+$/.test(name));
  if (adapters.includes(adapter)) return ok('bluetooth', `${adapter} is there`);
  if (adapters.length > 0) {
    return fail(
      'bluetooth',
      `there is no ${adapter}, only ${adapters.join(', ')}`,
      `name one of those in the provider’s settings`,
    );
  }
  const fix =
    'plug an adapter in, or take dtoverlay=disable-bt out of config.txt; dmesg | grep -i bluetooth says what the kernel did';
  return fail('bluetooth', 'the kernel has no Bluetooth adapter', fix);
}

/** Switches that keep radios off (rfkill). */
async function checkSwitches(machine: Machine): Promise<Finding[]> {
  const folder = '/sys/class/rfkill';
  const read = async (name: string, file: string) => (await machine.text(join(folder, name, file)))?.trim();
  for (const name of await machine.list(folder)) {
    if ((await read(name, 'type')) !== 'bluetooth') continue;
    if ((await read(name, 'hard')) === '1') {
      return [fail('bluetooth', `a switch of the machine keeps ${name} off`, 'put the switch on')];
    }
    if ((await read(name, 'soft')) === '1') {
      return [fail('bluetooth', `${name} is switched off`, 'sudo rfkill unblock bluetooth')];
    }
  }
  return [];
}

async function checkRight(needed: readonly Capability[], machine: Machine): Promise<Finding> {
  const status = (await machine.text('/proc/self/status')) ?? '';
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  const missing = needed.filter((name) => ((BigInt(`0x${effective}`) >> CAPABILITIES[name]) & 1n) === 0n);
  if (missing.length === 0) return ok('bluetooth', `${machine.user} may open the adapter`);
  const set = needed.map((name) => name.toLowerCase()).join(',');
  const fix = `sudo setcap ${set}+eip ${machine.nodePath}\nor in the service: AmbientCapabilities=${needed.join(' ')}`;
  return fail('bluetooth', `${machine.user} may not open the adapter (${missing.join(', ')})`, fix);
}
