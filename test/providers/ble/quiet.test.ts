import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { afterEach, expect, it, vi } from 'vitest';
import type { Noble } from '#runtime/providers/iot-ble/noble/api.js';
import { quiet } from '#runtime/providers/iot-ble/noble/quiet.js';

afterEach(() => void vi.restoreAllMocks());

/** What is loaded of a package without its native code, which may not be built. */
function prototypeOf(name: string): { onStateChange(state: string): void } {
  const bindings = `${name}/lib/hci-socket/bindings.js`;
  const require = createRequire(createRequire(import.meta.url).resolve(bindings));
  const native = require.resolve(name.replace('/noble', '/bluetooth-hci-socket'));
  require.cache[native] = { exports: class {} } as NodeModule;
  return (require(bindings) as { prototype: { onStateChange(state: string): void } }).prototype;
}

it.each(['@stoprocent/noble', '@abandonware/noble'])(
  '%s does not print what it thinks of an adapter; what others print meanwhile comes through',
  (name) => {
    const printed: unknown[] = [];
    vi.spyOn(console, 'log').mockImplementation((...said) => void printed.push(said));
    const before = console.log;
    const bindings = Object.assign(new EventEmitter(), {
      _state: 'unknown',
      onStateChange: prototypeOf(name).onStateChange,
    });
    const states: string[] = [];
    bindings.on('stateChange', (state: string) => {
      states.push(state);
      console.log(`somebody's logger: ${state}`);
    });
    quiet({ _bindings: bindings } as unknown as Noble);
    bindings.onStateChange('unsupported');
    bindings.onStateChange('unauthorized');
    expect(states).toEqual(['unsupported', 'unauthorized']);
    expect(printed).toEqual(states.map((state) => [`somebody's logger: ${state}`]));
    expect(console.log).toBe(before);
    expect(() => quiet({ _bindings: {} } as unknown as Noble)).not.toThrow();
  },
);
