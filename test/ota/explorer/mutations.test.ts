import { afterAll, describe, expect, it, vi } from 'vitest';
import { explore } from './explore.js';
import * as mutations from './mutations.js';
import { after, planted, type Scenario, step } from './scenario.js';

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

const healthy = after('good-1', 'good-2');
const crashing = after('good-1', 'crash-2');
const misnamed = after('good-1', 'good-2', { planted: planted(step(2, 'good-2')) });
const trusted = mutations.nameTrusted(() => mutations.modulesOf(misnamed));

const cases: [name: string, scenario: Scenario, consequence: string][] = [
  ['a module is not synced', { ...healthy, through: mutations.blobNotSynced }, 'an ack was lost'],
  ['its folder is not synced', { ...healthy, through: mutations.folderNotSynced }, 'an ack was lost'],
  ['the record is not synced', { ...healthy, through: mutations.stateNotSynced }, 'the floor went back'],
  ['one record is overwritten in place', { ...healthy, through: mutations.stateInPlace }, 'no module'],
  [
    'the floor is raised at install',
    { ...healthy, through: mutations.floorRaisedAtInstall },
    'the floor is above what runs',
  ],
  [
    'a start is not written before the module runs',
    { ...crashing, through: mutations.attemptNotPersisted },
    'too many starts',
  ],
  ['the name of a module is believed', { ...misnamed, through: trusted }, 'an ack was lost'],
];

const table: Record<string, unknown>[] = [];
afterAll(() => console.table(table));

describe('the explorer notices when', () => {
  it.each(cases)('%s', { timeout: 120_000 }, async (name, scenario, consequence) => {
    const found = await explore(scenario, { cuts: 1, enough: 100 });
    const kinds = new Set(found.violations.map((violation) => violation.split('\n')[0]?.split(':')[0]));
    table.push({
      'what is left out': name,
      images: found.images,
      violations: found.violations.length,
      kinds: [...kinds].join('; '),
    });
    expect([...kinds]).toContain(consequence);
  });
});
