import wapc from '@wapc/host';
import { actorFile, newEngine, startActor } from './engine.js';
import { enlarge } from './enlarge.js';
import { type Figure, type Row, scaled } from './figure.js';
import { alternate } from './rounds.js';

const PAYLOAD = new Uint8Array(64);
const SIZES = [
  { what: '10 kB', bytes: 10_000, times: 200 },
  { what: '2 MB', bytes: 2_000_000, times: 5 },
] as const;

/** From the bytes of a module to the answer of its first call. */
export const start: Figure = {
  name: 'start',
  reference: 'npm @wapc/host on V8',
  async run(scale) {
    const engine = await newEngine();
    const echo = await actorFile('echo-c');
    const rows: Row[] = [];
    for (const { what, bytes, times } of SIZES) {
      const module = enlarge(echo, bytes);
      const count = scaled(times, scale);
      const ours = () =>
        milliseconds(count, () => {
          using actor = startActor(engine, module);
          if (!actor.call('Echo', PAYLOAD).ok) throw new Error('Echo failed');
        });
      const reference = () =>
        milliseconds(count, async () => {
          const host = await wapc.instantiate(module);
          await host.invoke('Echo', PAYLOAD);
        });
      await ours();
      await reference();
      const comparison = await alternate(ours, reference);
      rows.push({ what: `actor of ${what}, first answer after`, unit: 'ms', better: 'lower', ...comparison });
    }
    return rows;
  },
};

async function milliseconds(count: number, work: () => void | Promise<void>): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < count; i++) await work();
  return (performance.now() - began) / count;
}
