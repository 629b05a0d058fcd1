import type { Host } from '../../runtime/index.js';
import { BenchDevice } from './device.js';
import { type Figure, type Row, scaled } from './figure.js';
import { alternate } from './rounds.js';

const PAYLOAD = new Uint8Array(64);
/** Calls under way at a time, over all actors. */
const WINDOW = 32;

/** Calls a second through a whole host, spread over more and more actors, against a host with one. */
export const growth: Figure = {
  name: 'growth',
  reference: 'the same host with 1 actor',
  async run(scale) {
    const one = await withActors(1);
    const calls = scaled(40_000, scale, 1_000);
    const rows: Row[] = [];
    try {
      for (const actors of [1, 10, 100, 1_000]) {
        const many = await withActors(actors);
        try {
          const ours = () => perSecond(many.device.host, actors, calls);
          const reference = () => perSecond(one.device.host, 1, calls);
          await ours();
          await reference();
          const comparison = await alternate(ours, reference);
          rows.push({
            what: `actors on two cells: ${actors}`,
            unit: 'calls/s',
            better: 'higher',
            ...comparison,
          });
        } finally {
          await many.stop();
        }
      }
    } finally {
      await one.stop();
    }
    return rows;
  },
};

function withActors(count: number): Promise<BenchDevice> {
  const actors = Array.from({ length: count }, (_, index) => ({ name: `echo-${index}`, file: 'echo-c' }));
  return BenchDevice.start({ actors });
}

async function perSecond(host: Host, actors: number, calls: number): Promise<number> {
  const began = performance.now();
  let next = 0;
  const caller = async () => {
    while (next < calls) await host.call(`echo-${next++ % actors}`, 'Echo', PAYLOAD);
  };
  await Promise.all(Array.from({ length: WINDOW }, caller));
  return (calls / (performance.now() - began)) * 1000;
}
