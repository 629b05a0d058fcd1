import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { HostConfig } from '#runtime/base/config/schema.js';
import { checkConfig, parseConfig } from '#runtime/index.js';
import { loadContracts } from '#runtime/providers/discover.js';
import { actorModule } from '../helpers/actors.js';
import { codeBlocks } from '../helpers/readme.js';

const contracts = await loadContracts();
const readme = (name: string) =>
  readFileSync(new URL(`../../actors/${name}/README.md`, import.meta.url), 'utf8');

/** `11  GPIO17 ───`, and of blink: `GPIO17 (header pin 11)`, `ground (header pin 9)`. */
const WIRE = /^ *(\d+) {2}(\w+) +─/gm;
const IN_WORDS = /(GPIO\d+|ground) \(header pin (\d+)\)/g;
const header = parse(
  readFileSync(new URL('../../boards/headers/raspberry-pi-40.yaml', import.meta.url), 'utf8'),
).pins as Record<string, { gpio?: number; power?: string }>;

it('all of them fit on one board: no pin of the header has two wires, no line two actors', async () => {
  const names = ['blink', 'door', 'thermostat', 'ble-beacon', 'modbus-gateway'];
  const blink = [...readme('blink').matchAll(IN_WORDS)].map(([, label = '', pin = '']) => [pin, label]);
  for (const [pin = '', label] of blink) {
    const { gpio, power } = header[pin] ?? {};
    expect(label).toBe(power === 'GND' ? 'ground' : `GPIO${gpio}`);
  }
  const drawn = names.flatMap((name) => [...readme(name).matchAll(WIRE)].map(([, pin = '']) => pin));
  const pins = [...drawn, ...blink.map(([pin = '']) => pin)].sort();
  expect(pins).toHaveLength(12);
  expect(pins).toEqual([...new Set(pins)]);
  const configs = names.map((name) => {
    const text = codeBlocks(readme(name)).find(({ language }) => language === 'yaml')?.text ?? '';
    return parse(text) as { lines?: object; providers?: object[]; actors: object[] };
  });
  const [, named = ''] = /`lines: (\{[^`]+\})` beside/.exec(readme('blink')) ?? [];
  const together = {
    ...{ device: 'pi-01', board: 'raspberry-pi-4' },
    lines: Object.assign(parse(named), ...configs.map(({ lines }) => lines ?? {})),
    providers: configs.flatMap(({ providers = [] }) => providers),
    actors: configs.flatMap(({ actors }) => actors),
  };
  expect(Object.keys(together.lines)).toEqual(['LED', 'BUTTON', 'RELAY']);
  expect(await checkConfig(parseConfig('/etc/iot/iot-host.yaml', stringify(together)))).toEqual([]);
});

describe.each(['blink', 'counter', 'relay', 'thermostat', 'door', 'ble-beacon', 'modbus-gateway'])(
  'README of %s',
  (name) => {
    const blocks = codeBlocks(readme(name));
    const yaml = blocks.find(({ language }) => language === 'yaml')?.text ?? '';
    const typed = blocks.map(({ text }) => text).find((text) => text.includes('iot-host sign')) ?? '';

    it('shows a configuration that holds, with providers and bindings as their contracts want them', async () => {
      const config = HostConfig.parse({ device: 'pi-01', ...parse(yaml) });
      const [slot] = config.actors;
      expect(slot?.name).toBe(name);
      for (const { contract, name: _name, ...settings } of slot?.bindings ?? []) {
        expect(() => contracts.get(contract)?.contract.parseGrant(settings), contract).not.toThrow();
      }
      for (const { contract, use = '', name: _name, ...settings } of config.providers) {
        const implementation = await contracts.get(contract)?.contract.loadImplementation(use);
        expect(() => implementation?.settings.parse(settings)).not.toThrow();
      }
    });

    it('signs a module that is built, for the contracts that are bound', () => {
      const [, file = '', slot] =
        /iot-host sign dist\/actors\/(\S+)\.wasm -o \S+ --name (\S+)/.exec(typed) ?? [];
      expect(slot).toBe(name);
      expect(actorModule(file).length).toBeGreaterThan(0);
      const signed = [...typed.matchAll(/--cap (\S+)/g)].map(([, cap]) => cap).sort();
      const config = HostConfig.parse({ device: 'pi-01', ...parse(yaml) });
      expect(signed).toEqual(config.actors[0]?.bindings.map(({ contract }) => contract).sort());
    });
  },
);

describe.each(['thermostat', 'door', 'ble-beacon', 'modbus-gateway'])('README of %s', (name) => {
  it('says how large the module is', () => {
    const [, size = '0'] = /^\| Size +\| (\d+) kB, and one page of memory/m.exec(readme(name)) ?? [];
    // Another version of a compiler makes it a little larger or smaller.
    const is = actorModule(name).length / 1_000;
    expect(Math.abs(Number(size) - is)).toBeLessThan(is / 5);
  });

  it('draws wires to pins as the boards have them', () => {
    const drawing =
      codeBlocks(readme(name)).find(({ text }) => text.includes('Raspberry Pi header'))?.text ?? '';
    const wires = [...drawing.matchAll(WIRE)];
    expect(wires.length > 0).toBe(['thermostat', 'door'].includes(name));
    for (const [, pin = '', label = ''] of wires) {
      const { gpio, power } = header[pin] ?? {};
      // RXD of the first port is GPIO15 on all of them.
      expect([pin, label === 'RXD' ? 'GPIO15' : label]).toEqual([pin, power ?? `GPIO${gpio}`]);
    }
    const drawn = new Set(wires.map(([, , label]) => label));
    const config = parse(codeBlocks(readme(name)).find(({ language }) => language === 'yaml')?.text ?? '');
    const own: Record<string, string> = config.lines ?? {};
    const used = config.actors[0].bindings.flatMap(({ lines = {} }: { lines?: object }) =>
      Object.keys(lines),
    );
    for (const line of used) expect(drawn).toContain(own[line] ?? line);
  });
});
