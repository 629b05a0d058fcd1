import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkConfig, loadBoard, parseConfig, usedProviders } from '#runtime/index.js';
import { TestKeys } from '../helpers/keys.js';
import { temporaryDir } from '../helpers/providers.js';

/** What is wrong with bindings like these on a Raspberry Pi 4; each is one actor's: `a`, `b`, … */
async function problems(bindings: readonly string[], more = ''): Promise<string[]> {
  const actors = bindings.map((text, at) => `  - {name: ${'abcdef'[at]}, bindings: [${text}]}\n`);
  const text = `device: d\nboard: raspberry-pi-4\n${more}\nactors:${actors.length === 0 ? ' []' : ''}\n${actors.join('')}`;
  const found = await checkConfig(parseConfig('/etc/iot/iot-host.yaml', text));
  return found.map(({ path, message }) => `${path.join('.')}: ${message}`);
}
const gpio = (lines: string) => `{contract: "iot:gpio", lines: {${lines}}}`;
const serial = (ports: string) => `{contract: "iot:serial", ports: {${ports}}}`;
const at = (actor: number) => `actors.${actor}.bindings.0`;

it('lines that the board has not, or keeps to itself', async () => {
  expect(await problems([gpio('GPIO17: {direction: in}'), gpio('GPIO27: {direction: out}')])).toEqual([]);
  expect(await problems([gpio('LED: {direction: out}')])).toEqual([
    expect.stringMatching(
      /^actors\.0\.bindings\.0\.lines\.LED: board raspberry-pi-4 has no line LED \(its lines are /,
    ),
  ]);
  expect(await problems([gpio('LED: {direction: out}')], 'lines: {LED: GPIO17}')).toEqual([]);
  expect(await problems([gpio('GPIO17: {direction: out}')], 'lines: {LED: GPIO17}')).toEqual([
    `${at(0)}.lines.GPIO17: board raspberry-pi-4 has no line GPIO17 (GPIO17 is called LED here)`,
  ]);
  expect(await problems([gpio('GPI017: {direction: out}')])).toEqual([
    `${at(0)}.lines.GPI017: board raspberry-pi-4 has no line GPI017 (did you mean GPIO17?)`,
  ]);
  expect(await problems([gpio('GPIO1: {direction: out}')])).toEqual([
    expect.stringContaining('is not to be used: EEPROM of a HAT'),
  ]);
  expect(await problems([], 'lines: {LED: GPIO99}')).toEqual([
    expect.stringMatching(/^lines\.LED: board raspberry-pi-4 has no line GPIO99 /),
  ]);
});

it('lines of a board that only the machine knows are not judged elsewhere', async () => {
  const text = 'device: d\nlines: {LED: GPIO99}\nactors: [{name: a, bindings: [B]}]\n';
  const config = parseConfig('/etc/iot/iot-host.yaml', text.replace('B', gpio('LED: {direction: out}')));
  expect(await checkConfig(config)).toEqual([]);
  expect(await checkConfig({ ...config, board: 'sim' })).toMatchObject([{ path: ['lines', 'LED'] }]);
});

it('ports that neither the board nor the provider has', async () => {
  expect(await problems([serial('uart3: {}')])).toEqual([]);
  expect(await problems([serial('meter: {}')])).toEqual([
    `${at(0)}.ports.meter: there is no serial port meter (the ports are uart0, uart2, uart3, uart4, uart5)`,
  ]);
  const usb = 'providers: [{contract: "iot:serial", ports: {meter: {usb: "0403:6001"}}}]';
  expect(await problems([serial('meter: {}')], usb)).toEqual([]);
  const sim = 'providers: [{contract: "iot:serial", use: sim, ports: [meter]}]';
  expect(await problems([serial('meter: {}, __proto__: {}')], sim)).toEqual([]);
  expect(await problems([serial('meter: {}, toString: {}')], sim)).toEqual([
    expect.stringContaining('there is no serial port toString'),
  ]);
});

it('a binding whose name no provider has is the default one’s', async () => {
  const usb = 'ports: {bus: {path: /dev/ttyUSB0}}';
  const fallback = `providers: [{contract: "iot:serial", ${usb}}]`;
  const named = (name: string) => `{contract: "iot:serial", name: ${name}, ports: {bus: {}}}`;
  expect(await problems([named('field')], fallback)).toEqual([]);
  expect(await problems([named('field'), named('hall')], fallback)).toEqual([
    `${at(1)}: port bus is held by actor a`,
  ]);
  expect(await problems([named('field'), serial('bus: {}')], fallback)).toEqual([
    `${at(1)}: port bus is held by actor a`,
  ]);
  // The default one is not the named one, and has no ports but the board's.
  const other = `providers: [{contract: "iot:serial", name: field, ${usb}}]`;
  expect(await problems([named('field'), named('hall')], other)).toEqual([
    expect.stringContaining(`${at(1)}.ports.bus: there is no serial port bus`),
  ]);
  expect(
    await problems(
      [named('field'), named('hall')],
      `${other.slice(0, -1)}, ${fallback.slice(12).replace('ttyUSB0', 'ttyUSB1')}`,
    ),
  ).toEqual([]);
  const line = (name: string) => `{contract: "iot:gpio", name: ${name}, lines: {GPIO17: {direction: in}}}`;
  expect(await problems([line('door'), line('gate')])).toEqual([`${at(1)}: line GPIO17 is held by actor a`]);
});

it('a binding does not make a provider of its own name', async () => {
  const text = `device: d\nactors: [{name: a, bindings: [{contract: "iot:serial", name: field}, {contract: "iot:gpio"}]}]\n`;
  const simulated = `${text}providers: [{contract: "iot:serial", use: sim, ports: [bus]}]\n`;
  const used = await usedProviders(parseConfig('/etc/iot/iot-host.yaml', simulated), await loadBoard('sim'));
  expect(used).toMatchObject([
    { contract: 'iot:serial', name: 'default', implementation: 'sim', settings: { ports: ['bus'] } },
    { contract: 'iot:gpio', name: 'default' },
  ]);
});

it('what two bindings would take from each other', async () => {
  expect(
    await problems([
      gpio('GPIO17: {direction: in}'),
      gpio('GPIO4: {direction: in}, GPIO17: {direction: in}'),
    ]),
  ).toEqual([`${at(1)}: line GPIO17 is held by actor a`]);
  expect(await problems([serial('uart3: {}'), serial('uart3: {}')])).toEqual([
    `${at(1)}: port uart3 is held by actor a`,
  ]);
  const radio = '{contract: "iot:ble", scan: true, peripherals: [thermo]}';
  expect(await problems([radio, radio])).toEqual([]);
  const pin = 'is header pin 7, which is TXD of port uart3';
  expect(
    await problems([serial('uart3: {}'), gpio('DOOR: {direction: in}')], 'lines: {DOOR: GPIO4}'),
  ).toEqual([`${at(1)}: line DOOR (actor b) ${pin} (actor a)`]);
  expect(await problems([gpio('GPIO4: {direction: in}'), serial('uart3: {}')])).toEqual([
    `${at(1)}: line GPIO4 (actor a) ${pin} (actor b)`,
  ]);
  const other = 'providers: [{contract: "iot:gpio", use: sim}, {contract: "iot:gpio", use: sim, name: two}]';
  const named = '{contract: "iot:gpio", name: two, lines: {GPIO17: {direction: in}}}';
  expect(await problems([gpio('GPIO17: {direction: in}'), named], other)).toEqual([]);
});

it('one serial device under two names: in the settings, the board’s own, or of two providers', async () => {
  const ports = (text: string, more = '') => `{contract: "iot:serial"${more}, ports: {${text}}}`;
  const node = '{path: /dev/ttyUSB0}';
  const twice = `providers: [${ports(`one: ${node}, two: ${node}`)}]`;
  expect(await problems([], twice)).toEqual([
    'providers.0.ports.two: the same device as port one: one name for each',
  ]);
  const usb = ports('one: {usb: "0403:600A"}, two: {usb: "0403:600a"}, three: {usb: "0403:600a:X"}');
  expect(await problems([], `providers: [${usb}]`)).toEqual([
    'providers.0.ports.two: the same device as port one: one name for each',
  ]);
  const renamed = `providers: [${ports('meter: {path: /dev/ttyAMA3}')}]`;
  const both = 'port meter is /dev/ttyAMA3, which actor a holds as port uart3';
  expect(await problems([serial('uart3: {}'), serial('meter: {}')], renamed)).toEqual([`${at(1)}: ${both}`]);
  expect(await problems([serial('uart3: {}, meter: {}')], renamed)).toEqual([`${at(0)}: ${both}`]);
  expect(await problems([serial('uart4: {}'), serial('meter: {}')], renamed)).toEqual([]);
  const second = ports(`two: ${node}`, ', name: second');
  const providers = `providers: [${ports(`one: ${node}`)}, ${second}]`;
  const named = '{contract: "iot:serial", name: second, ports: {two: {}}}';
  expect(await problems([serial('one: {}'), named], providers)).toEqual([
    `${at(1)}: port two is /dev/ttyUSB0, which actor a holds as port one`,
  ]);
  const radio = 'providers: [{contract: "iot:ble", use: stoprocent, hci: {uart: {port: PORT}}}]';
  const controller = 'providers.0: the controller is on /dev/ttyAMA3, which actor a holds as port uart3';
  for (const port of ['uart3', '/dev/ttyAMA3']) {
    expect(await problems([serial('uart3: {}')], radio.replace('PORT', port))).toEqual([controller]);
    expect(await problems([serial('uart4: {}')], radio.replace('PORT', port))).toEqual([]);
  }
  // Made-up ports are no devices.
  const sim = 'providers: [{contract: "iot:serial", use: sim, name: second}]';
  expect(
    await problems([serial('uart3: {}'), '{contract: "iot:serial", name: second, ports: {uart3: {}}}'], sim),
  ).toEqual([]);
});

it('a trust document that is not where trust: says, or is none; one that the device has kept will do', async () => {
  const folder = temporaryDir();
  onTestFinished(() => folder.remove());
  const found = async (document: string) => {
    const config = parseConfig(
      join(folder.path, 'iot-host.yaml'),
      `device: d\ndataDir: ./data\ntrust: {document: ${document}}\n`,
    );
    return (await checkConfig(config)).map(({ path, message }) => `${path.join('.')}: ${message}`);
  };
  const write = async (name: string, bytes: Uint8Array) => {
    await mkdir(dirname(join(folder.path, name)), { recursive: true });
    await writeFile(join(folder.path, name), bytes);
  };
  const missing = [
    expect.stringMatching(/^trust\.document: .*there is none at .*root\.cbor.*iot-host keys trust /),
  ];
  expect(await found('./trust')).toEqual(missing);
  const document = new TestKeys().trustDocument();
  await write('trust/root.cbor', document);
  expect(await found('./trust')).toEqual([]);
  expect(await found('./trust/root.cbor')).toEqual([]);
  expect(await found('./trust/root.json')).toEqual(missing);
  await write('trust/bad.cbor', document.subarray(0, 20));
  expect(await found('./trust/bad.cbor')).toEqual([expect.stringMatching(/^trust\.document: .*bad\.cbor: /)]);
  await write('data/ota/trust/1', document);
  expect(await found('./elsewhere')).toEqual([]);
  expect(await found('./trust/bad.cbor')).toHaveLength(1);
});
