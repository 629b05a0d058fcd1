import { afterAll, describe, expect, it, vi } from 'vitest';
import { CHUNK_BYTES } from '#runtime/base/limits.js';
import { explore, type Findings } from './explore.js';
import { after, first, planted, releases, rotated, type Scenario, step, twice } from './scenario.js';

vi.mock('#runtime/trust/cose/signer.js', async (original) => {
  const { onceForEachSeed } = await import('./once.js');
  return onceForEachSeed(original<typeof import('#runtime/trust/cose/signer.js')>);
});
vi.mock('#runtime/trust/ed25519.js', async (original) => {
  const { onceForEachSignature } = await import('./once.js');
  return onceForEachSignature(original<typeof import('#runtime/trust/ed25519.js')>);
});
vi.mock('#runtime/ota/storage/record-codec.js', async (original) => {
  const { onceForEachRecord } = await import('./once.js');
  return onceForEachRecord(original<typeof import('#runtime/ota/storage/record-codec.js')>);
});

/** Cuts one after the other; what is longer, and releases, have one less, to stay within some minutes. */
const CUTS = Number(process.env.IOT_EXPLORER_CUTS ?? 3);
const FEWER = Math.max(1, CUTS - 1);

const second = step(2, 'good-2');
const large = step(2, 'good-2', 3 * CHUNK_BYTES + 200);
const scenarios: [name: string, scenario: Scenario, cuts: number][] = [
  ['the first module of a device', first('good-1'), CUTS],
  ['a healthy v2', after('good-1', 'good-2'), CUTS],
  ['an unhealthy v2', after('good-1', 'unhealthy-2'), CUTS],
  ['a v2 that stops the host', after('good-1', 'crash-2'), CUTS],
  [
    'a v2 whose name is on disk with other content',
    after('good-1', 'good-2', { planted: planted(second) }),
    CUTS,
  ],
  ['a v2 of four chunks', after('good-1', 'good-2', { steps: [step(1, 'good-1'), large] }), CUTS],
  ['a trust document with other keys and a new start, then v2', rotated(), CUTS],
  ['an unhealthy v2, then v3', twice('good-1', 'unhealthy-2'), FEWER],
  ['a release of two actors', releases('good-2'), FEWER],
  ['a release of which one actor is unhealthy', releases('unhealthy-2'), FEWER],
];

const table: Record<string, unknown>[] = [];
afterAll(() => console.table(table));

describe('the power is cut, at every moment and with every outcome for the disk, again and again', () => {
  it.each(scenarios)('%s', { timeout: 600_000 }, async (name, scenario, cuts) => {
    const cpu = process.cpuUsage();
    const found: Findings = await explore(scenario, { cuts });
    const used = process.cpuUsage(cpu);
    table.push({
      scenario: name,
      cuts,
      'cut points': found.points,
      images: found.images,
      violations: found.violations.length,
      cpu: (used.user + used.system) / 1e6,
    });
    expect(found.violations.slice(0, 3)).toEqual([]);
    // Else it has looked at next to nothing.
    expect(found.points).toBeGreaterThan(70);
    expect(found.images).toBeGreaterThan(cuts === 1 ? 150 : 1_000);
  });
});
