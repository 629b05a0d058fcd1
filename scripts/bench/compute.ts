import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { built, LIMITS, newEngine } from './engine.js';
import { type Figure, scaled } from './figure.js';
import { alternate, processorSeconds } from './rounds.js';

const NATIVE = fileURLToPath(new URL('../../bench/wasm3-native', import.meta.url));
const KERNEL = fileURLToPath(new URL('../../bench/kernel.wasm', import.meta.url));
const FUEL = 2 ** 40;

/** The interpreter inside V8 against the same interpreter as a native program: the price of containing it. */
export const compute: Figure = {
  name: 'compute',
  reference: 'wasm3 built natively with gcc -O3',
  async run(scale) {
    const rounds = scaled(4_000, scale, 100);
    const engine = await newEngine();
    using kernel = engine.loadPlain(await built('bench/kernel.wasm'), { ...LIMITS, fuelPerCall: FUEL });
    const sums = new Set<number>();
    const ours = () => {
      const before = processorSeconds();
      const [checksum] = kernel.invoke('run', [String(rounds)]);
      const seconds = processorSeconds() - before;
      sums.add(Number(checksum));
      return rounds / seconds;
    };
    const reference = () => {
      const native = runNative(rounds);
      sums.add(native.checksum);
      return rounds / native.seconds;
    };
    // V8 compiles the interpreter better once it is seen to be used.
    for (let i = 0; i < 3; i++) ours();
    const comparison = await alternate(ours, reference);
    if (sums.size !== 1) throw new Error(`the engines do not agree: ${[...sums].join(', ')}`);
    return [
      { what: 'kernel: list, matrix, state machine, CRC', unit: 'rounds/s', better: 'higher', ...comparison },
    ];
  },
};

function runNative(rounds: number): { checksum: number; seconds: number } {
  return JSON.parse(execFileSync(NATIVE, [KERNEL, String(rounds), String(FUEL)], { encoding: 'utf8' }));
}
