import { join } from 'node:path';
import { type Check, type Finding, fail, ok } from '../finding.js';
import type { Machine } from '../machine.js';
import type { Subject } from '../subject.js';

const CONTRACT = 'iot:ble';
const PACKAGES = { noble: '@abandonware/noble', stoprocent: '@stoprocent/noble' } as const;
/** Bit of CAP_NET_RAW in the sets of /proc/self/status (capabilities(7)). */
const CAP_NET_RAW = 13n;

/** Radio and packages, if the configuration uses them. */
export const checkBluetooth: Check = async (machine, subject) => {
  const use = subject.implementations[CONTRACT];
  if (use === undefined) return [ok('bluetooth', 'no binding uses it')];
  if (use !== 'noble' && use !== 'stoprocent') return [ok('bluetooth', `${use} radio`)];
  const findings = [await checkPackage(PACKAGES[use], machine)];
  const adapter = kernelAdapter(subject);
  // A controller on a serial port has no kernel in between.
  if (adapter === undefined) return findings;
  const radio = [await checkAdapter(adapter, machine), ...(await checkSwitches(machine))];
  return [...findings, ...radio, await checkRight(machine)];
};

/** The adapter of the kernel that the provider opens; `undefined` for a controller on a serial port. */
function kernelAdapter({ config }: Subject): string | undefined {
  const settings: Record<string, unknown> =
    config?.providers.find(({ contract }) => contract === CONTRACT) ?? {};
  const number = settings.adapter ?? settings.hci ?? 0;
  return typeof number === 'number' ? `hci${number}` : undefined;
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

async function checkRight(machine: Machine): Promise<Finding> {
  const status = (await machine.text('/proc/self/status')) ?? '';
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  if ((BigInt(`0x${effective}`) >> CAP_NET_RAW) & 1n)
    return ok('bluetooth', `${machine.user} may open the adapter`);
  const fix = `sudo setcap cap_net_raw+eip ${machine.nodePath}\nor in the service: AmbientCapabilities=CAP_NET_RAW`;
  return fail('bluetooth', `${machine.user} may not open the adapter (CAP_NET_RAW)`, fix);
}
