import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BindingConfig } from '#runtime/base/config/schema.js';
import { IotError } from '#runtime/base/errors.js';
import { silentLogger } from '#runtime/base/logger.js';
import type { ActorSlot } from '#runtime/host/actors/actor-slot.js';
import { Grants, type GrantsParts } from '#runtime/host/grants.js';
import { HandClock } from '../helpers/hand-clock.js';

const GPIO = { contract: 'iot:gpio', name: 'default' };
const IN_FILE = { ...GPIO, lines: { LED: { direction: 'out' }, RELAY: { direction: 'out' } } };
const BY_HAND = { ...GPIO, lines: { LED: { direction: 'out' } } };

let dataDir: string;
let clock: HandClock;
/** Lines that somebody else holds. */
let busy: Set<string>;
/** What the slot was given, in order. */
let given: string[][];

const slot = {
  name: 'blink',
  bindings: {
    list: () => [],
    find: () => given.at(-1),
    add: async (binding: BindingConfig) => {
      const lines = Object.keys((binding as unknown as typeof IN_FILE).lines);
      if (lines.some((line) => busy.has(line))) throw new IotError('E_BUSY', 'RELAY is in use');
      given.push(lines);
    },
    remove: async () => true,
  },
  bindingsChanged: () => undefined,
} as unknown as ActorSlot;

const grants = async () => {
  const config = { actors: [{ name: 'blink', bindings: [IN_FILE] }] } as unknown as GrantsParts['config'];
  const made = new Grants({ config, dataDir, logger: silentLogger, clock });
  await made.load();
  return made;
};

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'iot-grants-'));
  [clock, busy, given] = [new HandClock(), new Set(), []];
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const pass = async () => {
  clock.pass(100_000);
  await new Promise((done) => setTimeout(done, 20));
};

it('what bind granted is not undone by what the file says, when that was busy at the start', async () => {
  await (await grants()).add(slot, BY_HAND as unknown as BindingConfig);
  given = [];
  busy.add('RELAY');
  const after = await grants();
  await after.bindAll(slot);
  busy.clear();
  await pass();
  expect([given, after.problems()]).toEqual([[['LED']], []]);
  await after.stop();
});

it('a binding without settings takes away nothing that one with settings grants', async () => {
  const made = await grants();
  await made.bindAll(slot);
  const bare = GPIO as BindingConfig;
  await expect(made.add(slot, bare)).rejects.toMatchObject({
    code: 'E_CONFIG',
    hint: expect.stringContaining('iot-host bind blink iot:gpio KEY=VALUE'),
  });
  expect(given).toEqual([['LED', 'RELAY']]);
  await made.stop();
});

it('what the file grants is tried again when it is busy as it comes back', async () => {
  const made = await grants();
  await made.bindAll(slot);
  await made.add(slot, BY_HAND as unknown as BindingConfig);
  busy.add('RELAY');
  await made.remove(slot, GPIO);
  expect(made.problems()).toEqual(['RELAY is in use']);
  busy.clear();
  await pass();
  expect([given.at(-1), made.problems()]).toEqual([['LED', 'RELAY'], []]);
  await made.stop();
});

it('nothing is tried again once it has stopped, though a try was under way', async () => {
  busy.add('RELAY');
  const made = await grants();
  await made.bindAll(slot);
  expect(clock.waits()).toHaveLength(1);
  clock.pass(100_000);
  await made.stop();
  expect(clock.waits()).toEqual([]);
});
