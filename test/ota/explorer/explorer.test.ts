import { afterAll, describe, expect, it, vi } from 'vitest';
import { explore, type Findings } from './explore.js';
import { after, first, planted, releases, type Scenario, step } from './scenario.js';

vi.mock('#runtime/trust/cose/signer.js', async (original) => {
  const { onceForEachSeed } = await import('./one-signer.js');
  return onceForEachSeed(original<typeof import('#runtime/trust/cose/signer.js')>);
});

/** Cuts one after the other. Two are enough for every fault that is known; three take minutes. Releases have one less. */
const CUTS = Number(process.env.IOT_EXPLORER_CUTS ?? 2);

const second = step(2, 'good-2');
const scenarios: [name: string, scenario: Scenario, cuts: number][] = [
  ['the first module of a device', first('good-1'), CUTS],
  ['a healthy v2', after('good-1', 'good-2'), CUTS],
  ['an unhealthy v2', after('good-1', 'unhealthy-2'), CUTS],
  ['a v2 that stops the host', after('good-1', 'crash-2'), CUTS],
  ['a release of two actors', releases('good-2'), Math.max(1, CUTS - 1)],
  ['a release of which one actor is unhealthy', releases('unhealthy-2'), Math.max(1, CUTS - 1)],
  [
    'a v2 whose name is on disk with other content',
    after('good-1', 'good-2', { planted: planted(second) }),
    CUTS,
  ],
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
    expect(found.points).toBeGreaterThan(100);
    expect(found.images).toBeGreaterThan(cuts === 1 ? 150 : 1500);
  });
});
