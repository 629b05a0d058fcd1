import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { encodePayload, generateKey, signModule } from '#runtime/index.js';
import { Chip } from '#runtime/providers/iot-gpio/chardev/chips.js';
import { SimChip } from '#scripts/lab/sim-chip.js';
import { Cleanup } from '../helpers/cleanup.js';
import { until } from '../helpers/providers.js';
import { up } from '../helpers/up.js';
import { wat } from '../helpers/wat.js';

// The chip of a Raspberry Pi 4, as far as its label goes: the host takes this machine for one.
const LABEL = 'pinctrl-bcm2711';
const [LED, PUMP] = [17, 27];
const PATIENCE_MS = 120_000;

const hex = (bytes: Uint8Array) => [...bytes].map((b) => `\\${b.toString(16).padStart(2, '0')}`).join('');

/** A guest that drives GPIO17 to 1 when it starts. */
function driver(): Uint8Array {
  const write = encodePayload('cbor', { line: 'GPIO17', value: 1 });
  return wat(`(module
    (import "wapc" "__guest_request" (func $request (param i32 i32)))
    (import "wapc" "__guest_response" (func $response (param i32 i32)))
    (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "iot:gpioWrite") (data (i32.const 300) "${hex(write)}")
    (func (export "__guest_call") (param $opLength i32) (param $length i32) (result i32)
      (call $request (i32.const 16) (i32.const 4096))
      (if (i32.eq (i32.load8_u (i32.const 16)) (i32.const ${'S'.charCodeAt(0)}))
        (then (drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 8)
          (i32.const 108) (i32.const 5) (i32.const 300) (i32.const ${write.length})))))
      (call $response (i32.const 0) (i32.const 0))
      (i32.const 1)))`);
}

const cleanup = new Cleanup();
const chip = new SimChip(LABEL, 58);
afterAll(async () => {
  await cleanup.run();
  chip.remove();
});

it(
  'a host that is killed lets go of its lines, and the next one sets them to their safe level',
  async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'iot-lab-kill-'));
    cleanup.add(() => rm(cwd, { recursive: true, force: true }));
    const account = generateKey('account');
    const claims = {
      account,
      module: generateKey('module'),
      name: 'driver',
      caps: ['iot:gpio'],
      rev: 1,
      ver: '1.0.0',
    };
    await writeFile(join(cwd, 'driver.wasm'), signModule(driver(), claims));
    const configure = (actor: Record<string, unknown>) => {
      const lines = { GPIO17: { direction: 'out', safe: 0 }, GPIO27: { direction: 'out', safe: 1 } };
      const config = {
        ...{ device: 'pi-01', board: 'raspberry-pi-4', dataDir: './data', broker: 'embedded://127.0.0.1:0' },
        trust: { issuers: [account.publicKey] },
        actors: [{ name: 'driver', ...actor, bindings: [{ contract: 'iot:gpio', lines }] }],
      };
      return writeFile(join(cwd, 'iot-host.yaml'), JSON.stringify(config));
    };
    const watcher = Chip.open(LABEL);
    cleanup.add(() => watcher.close());
    const used = () => [LED, PUMP].map((offset) => watcher.lineInfo(offset)?.used);
    const levels = () => [chip.level(LED), chip.level(PUMP)];

    await configure({ path: './driver.wasm' });
    const first = await up(cleanup, { cwd, patienceMs: PATIENCE_MS });
    await until(() => levels().join() === '1,1', 'the LED on', PATIENCE_MS);
    expect([used(), watcher.lineInfo(LED)?.consumer]).toEqual([[true, true], 'iot-host pi-01']);
    await first.end('SIGKILL');
    expect(used()).toEqual([false, false]);

    // What nobody drives has the level that the world outside gives it: here the wrong one.
    chip.press(LED, 1);
    chip.press(PUMP, 0);
    expect(levels()).toEqual([1, 0]);
    await configure({});
    const second = await up(cleanup, { cwd, patienceMs: PATIENCE_MS });
    await until(() => levels().join() === '0,1', 'the safe levels', PATIENCE_MS);
    expect(used()).toEqual([true, true]);
    expect(await second.end('SIGTERM')).toBe(0);
    expect(used()).toEqual([false, false]);
  },
  4 * PATIENCE_MS,
);
