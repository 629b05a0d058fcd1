import { describe, expect, it } from 'vitest';
import { actorModule } from '../helpers/actors.js';

const NAMES = [
  'blink-v1',
  'blink-v2',
  'counter-v1',
  'counter-v2',
  'lamp-c',
  'lamp-as',
  'thermostat',
  'door',
  'ble-beacon',
  'modbus-gateway',
  'bad-trap',
  'bad-trap-start',
  'bad-hang',
  'bad-start',
  'probe-c',
  'probe-as',
  'probe-io-c',
  'probe-io-as',
];
const PAGE = 65_536;

describe.each(NAMES)('%s.wasm', (name) => {
  it('is valid, small, and asks for nothing but waPC and one page', () => {
    const bytes = actorModule(name);
    console.log(`${name}.wasm: ${bytes.length} bytes`);
    expect(WebAssembly.validate(new Uint8Array(bytes))).toBe(true);
    expect(bytes.length).toBeLessThan(32_768);

    const module = new WebAssembly.Module(new Uint8Array(bytes));
    for (const wanted of WebAssembly.Module.imports(module)) {
      expect(wanted).toMatchObject({ module: 'wapc', kind: 'function' });
    }
    const exports = WebAssembly.Module.exports(module);
    expect(exports).toContainEqual({ name: '__guest_call', kind: 'function' });
    expect(exports).toContainEqual({ name: 'memory', kind: 'memory' });

    const imports = Object.fromEntries(
      WebAssembly.Module.imports(module).map(({ name: function_ }) => [function_, () => 0]),
    );
    const { memory } = new WebAssembly.Instance(module, { wapc: imports }).exports as {
      memory: WebAssembly.Memory;
    };
    expect(memory.buffer.byteLength).toBe(PAGE);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });
});

it('names the script to run when a module is missing', () => {
  expect(() => actorModule('no-such-actor')).toThrow('run scripts/build-actors.sh');
});
