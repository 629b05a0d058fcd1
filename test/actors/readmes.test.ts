import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { HostConfig } from '#runtime/base/config/schema.js';
import { loadContracts } from '#runtime/providers/discover.js';
import { actorModule } from '../helpers/actors.js';
import { codeBlocks } from '../helpers/readme.js';

const contracts = await loadContracts();
const readme = (name: string) =>
  readFileSync(new URL(`../../actors/${name}/README.md`, import.meta.url), 'utf8');

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
      const [, file = '', slot] = /iot-host sign dist\/actors\/(\S+)\.wasm --name (\S+)/.exec(typed) ?? [];
      expect(slot).toBe(name);
      expect(actorModule(file).length).toBeGreaterThan(0);
      const signed = [...typed.matchAll(/--cap (\S+)/g)].map(([, cap]) => cap).sort();
      const config = HostConfig.parse({ device: 'pi-01', ...parse(yaml) });
      expect(signed).toEqual(config.actors[0]?.bindings.map(({ contract }) => contract).sort());
    });
  },
);
