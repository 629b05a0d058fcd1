import { parseConfig } from '#runtime/base/config/load.js';
import { silentLogger } from '#runtime/base/logger.js';
import type { Machine } from '#runtime/cli/doctor/machine.js';
import type { Subject } from '#runtime/cli/doctor/subject.js';
import { boardOf, recogniseBoard, usedProviders, usesByProvider } from '#runtime/index.js';
import { TestKeys } from '../../helpers/keys.js';

export const NOW = Date.UTC(2027, 0, 15, 12) / 1000;
export const MODULES = '/app/node_modules';

/** A machine made of the files that it has; what is not among them is not there. */
export interface World extends Partial<Omit<Machine, 'text' | 'bytes' | 'list' | 'packageFolder'>> {
  readonly files?: Readonly<Record<string, string | Uint8Array | undefined>>;
  /** What using a path gives, where it is not that the path is or is not there. */
  readonly refusals?: Readonly<Record<string, string>>;
}

/** A Raspberry Pi 5 on which nothing is missing. */
export const FILES: Readonly<Record<string, string | Uint8Array>> = {
  '/proc/device-tree/compatible': 'raspberrypi,5-model-b\0brcm,bcm2712\0',
  '/proc/cmdline': 'coherent_pool=1M console=tty1 root=PARTUUID=1-02 rootwait',
  '/proc/self/status': 'Name:\tnode\nCapEff:\t0000000000002000\n',
  '/etc/group': 'root:x:0:\ndialout:x:20:iot\ngpio:x:993:iot\n',
  '/dev/gpiochip0': '',
  '/dev/ttyAMA0': '',
  '/sys/class/bluetooth/hci0/uevent': '',
  '/sys/class/rfkill/rfkill0/type': 'wlan\n',
  '/sys/class/rfkill/rfkill1/type': 'bluetooth\n',
  '/sys/class/rfkill/rfkill1/soft': '0\n',
  '/sys/class/rfkill/rfkill1/hard': '0\n',
  '/var/lib/iot/device.key': '',
  '/etc/iot/trust/root.cbor': new TestKeys().trustDocument(),
  [`${MODULES}/serialport/package.json`]: '{}',
  [`${MODULES}/@stoprocent/noble/package.json`]: '{}',
  [`${MODULES}/@stoprocent/bluetooth-hci-socket/package.json`]: '{}',
  [`${MODULES}/@stoprocent/bluetooth-hci-socket/prebuilds/linux-arm64/node.napi.node`]: '',
};

export function fakeMachine({ files: changed = {}, refusals = {}, ...own }: World = {}): Machine {
  const files = Object.entries({ ...FILES, ...changed }).filter(([, content]) => content !== undefined);
  const content = (path: string) => files.find(([name]) => name === path)?.[1];
  const below = (folder: string) =>
    files.flatMap(([name]) => (name.startsWith(`${folder}/`) ? [name.slice(folder.length + 1)] : []));
  const there = (path: string) => content(path) !== undefined || below(path).length > 0 || path === '/';
  return {
    platform: 'linux',
    arch: 'arm64',
    kernel: '6.12.25+rpt-rpi-2712',
    node: '20.19.2',
    nodePath: '/usr/bin/node',
    nodeFlags: [],
    webAssembly: true,
    user: 'iot',
    uid: 1000,
    groupIds: [1000, 20, 993],
    now: NOW,
    async text(path) {
      const found = content(path);
      return found === undefined || typeof found === 'string' ? found : new TextDecoder().decode(found);
    },
    async bytes(path) {
      const found = content(path);
      return typeof found === 'string' ? new TextEncoder().encode(found) : found;
    },
    list: async (path) => [...new Set(below(path).map((name) => name.split('/')[0] ?? ''))].sort(),
    target: async (path) => path,
    refusal: async (path) => refusals[path] ?? (there(path) ? undefined : 'ENOENT'),
    freeBytes: async () => 5_000 * 2 ** 20,
    packageFolder: async (name) => (there(`${MODULES}/${name}`) ? `${MODULES}/${name}` : undefined),
    chips: () => [{ path: '/dev/gpiochip0', label: 'pinctrl-rp1', lines: 54 }],
    usbPorts: async () => [],
    brokerProblem: async () => undefined,
    clockTrusted: () => true,
    ...own,
  };
}

/** A device with a line, a port and a radio. */
export const CONFIG = `device: pi-01
dataDir: /var/lib/iot
broker: mqtt://broker.lan:1883
trust: {document: ./trust}
actors:
  - name: door
    bindings:
      - {contract: "iot:gpio", lines: {GPIO17: {direction: in}}}
      - {contract: "iot:serial", ports: {uart0: {}}}
      - {contract: "iot:ble"}
`;

/** What the host would make of a configuration on that machine; `null` for none. */
export async function subject(text: string | null = CONFIG, machine = fakeMachine()): Promise<Subject> {
  const tree = (await machine.text('/proc/device-tree/compatible')) ?? '';
  const deviceTree = tree.split('\0').filter((entry) => entry !== '');
  const recognised = await recogniseBoard(deviceTree);
  const config = text === null ? undefined : parseConfig('/etc/iot/iot-host.yaml', text);
  const named = config === undefined || config.board === 'auto' ? (recognised ?? 'sim') : config.board;
  const board = await boardOf({ board: named, lines: config?.lines ?? {} }, silentLogger);
  return {
    ...{ file: 'iot-host.yaml', config, configProblems: [], deviceTree, recognised, board },
    uses: config === undefined ? [] : await usesByProvider(config),
    providers: config === undefined ? [] : await usedProviders(config, board),
  };
}
