import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LINKED_IMPORTS } from '#runtime/engine/imports.js';
import {
  Buffer,
  SHIM_EXPORT_NAMES,
  SHIM_FUNCTIONS,
  STATE_WORDS,
  StateWord,
  Status,
  VALUE_TYPES,
} from '#runtime/engine/wasm3/shim.js';
import { compiled } from './shim.js';

const header = readFileSync('native/iot.h', 'utf8');
const enumerators = (type: string): Record<string, number> => {
  const body = new RegExp(`typedef enum\\s*\\{([^}]*)\\}\\s*${type};`).exec(header)?.[1] ?? '';
  return Object.fromEntries(
    [...body.matchAll(/iot_(\w+)\s*=\s*(\d+)/g)].map(([, name, value]) => [camel(name ?? ''), Number(value)]),
  );
};
const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** What emscripten adds of its own; nothing of it is used. */
const TOOLCHAIN_EXPORTS = [
  '__indirect_function_table',
  '__errno_location',
  'stackSave',
  'stackRestore',
  'stackAlloc',
];

describe('shim.ts says what engine.wasm is', () => {
  it('exports', () => {
    const names = WebAssembly.Module.exports(compiled).map(({ name }) => name);
    expect(names.filter((name) => !TOOLCHAIN_EXPORTS.includes(name)).sort()).toEqual(
      [...SHIM_EXPORT_NAMES].sort(),
    );
  });

  it('imports: five functions of the host, and news of growth', () => {
    const names = WebAssembly.Module.imports(compiled).map(({ module, name }) => `${module}.${name}`);
    expect(names.sort()).toEqual([
      'env.emscripten_notify_memory_growth',
      'iot.abort',
      'iot.host_call',
      'iot.log',
      'iot.trace',
      'iot.wasi',
    ]);
  });

  it('status and buffer numbers', () => {
    expect(enumerators('iot_status')).toEqual(Status);
    const { numBuffers, ...buffers } = enumerators('iot_buffer_id');
    expect(buffers).toEqual(Buffer);
    expect(numBuffers).toBe(Object.keys(Buffer).length);
  });

  it('layout of the state', () => {
    const body = /typedef struct\s*\{([^}]*)\}\s*iot_state_t;/.exec(header)?.[1] ?? '';
    const fields = [...body.matchAll(/^\s+(double|uint32_t)\s+(\w+);/gm)].map(([, type, name]) => ({
      type,
      name: name ?? '',
    }));
    expect(fields[0]).toEqual({ type: 'double', name: 'fuel_left' });
    const words = fields.slice(1).map(({ name }, index) => [camel(name), index + 2] as const);
    expect(Object.fromEntries(words)).toEqual(StateWord);
    expect(STATE_WORDS).toBe(fields.length + 1);
  });

  it('numbers of the linked functions', () => {
    const table = /functions \[\] =\s*\{([^}]*)\}/.exec(readFileSync('native/iot_wapc.c', 'utf8'))?.[1] ?? '';
    const names = table.split(',').map((name) => name.trim().replace(/^iot_env_/, ''));
    expect(names).toEqual(SHIM_FUNCTIONS.map((name) => name.replace(/^__/, '')));
    const shimmed = LINKED_IMPORTS.filter(({ wasi }) => wasi === undefined).map(({ name }) => name);
    expect(new Set(shimmed)).toEqual(new Set(SHIM_FUNCTIONS));
  });

  it('value types of wasm3', () => {
    const wasm3 = readFileSync(
      `${process.env.WASM3_SOURCE ?? 'node_modules/wasm3-source/cpp'}/wasm3.h`,
      'utf8',
    );
    const numbers = [...wasm3.matchAll(/c_m3Type_(\w+)\s*=\s*(\d+)/g)].map(([, name, value]) => [
      Number(value),
      name,
    ]);
    expect(numbers).toEqual([...VALUE_TYPES.entries()]);
  });
});
