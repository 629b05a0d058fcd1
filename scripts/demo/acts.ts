import { decodePayload } from '../../runtime/index.js';
import { Load, type LoadResult, pause } from './load.js';
import type { Narrator } from './narrator.js';
import type { Stage } from './stage.js';

export const BLINK = ['iot:gpio', 'iot:timer', 'iot:mqtt'];
const COUNTER = ['wascc:keyvalue', 'wascc:logging', 'iot:mqtt'];

/** A signed actor is pushed over MQTT, and the LED blinks. */
export async function pushBlink(stage: Stage, narrator: Narrator): Promise<void> {
  narrator.title('1. Push a signed actor to pi-01 over MQTT');
  await stage.install('blink', await stage.keys.sign('blink-v1', 'blink', 1, BLINK));
  narrator.good('blink 1.0.0: signature and claims checked, on trial, active');
  await watchLed(stage, narrator);
}

async function watchLed(stage: Stage, narrator: Narrator): Promise<void> {
  const levels: (0 | 1)[] = [];
  for (let n = 0; n < 24; n++) {
    await pause(100);
    levels.push(stage.gpio.level('LED'));
  }
  if (!levels.includes(1) || !levels.includes(0)) throw new Error('the LED does not blink');
  narrator.led(levels);
}

/** Actor and provider are swapped while a thousand messages a second come in. */
export async function swapUnderLoad(stage: Stage, narrator: Narrator): Promise<LoadResult> {
  narrator.title('2. Swap the actor, then its key-value store, at 1,000 messages a second');
  await stage.install('counter', await stage.keys.sign('counter-v1', 'counter', 1, COUNTER));
  const load = await Load.connect(stage.device.urls.broker ?? '');
  load.start();
  await pause(1_000);
  await stage.install('counter', await stage.keys.sign('counter-v2', 'counter', 2, COUNTER));
  narrator.good('counter 1.0.0 → 2.0.0, between two messages');
  await pause(500);
  await stage.client.rpc('providers.swap', { contract: 'wascc:keyvalue', to: 'memory' });
  narrator.good('wascc:keyvalue lmdb → memory, with everything in it');
  await pause(1_000);
  const result = await load.finish();
  narrator.good(
    `${result.sent} sent, ${result.handled} handled, ${result.lost} lost, ${result.duplicated} duplicated; ` +
      `longest pause ${result.longestPauseMs} ms`,
  );
  return result;
}

/** Modules that must not run, do not. */
export async function refuseBadPushes(stage: Stage, narrator: Narrator): Promise<Record<string, string>> {
  narrator.title('3. Refuse what must not run');
  const good = await stage.keys.sign('blink-v2', 'blink', 2, BLINK);
  const tampered = good.slice();
  // A byte in the code, long after the claims were made for it.
  tampered[tampered.indexOf(0x0b, 2_000)] = 0x00;
  const refused = {
    tampered: await stage.refusal('blink', tampered),
    older: await stage.refusal('blink', good, { sequence: 1 }),
    untrusted: await stage.refusal('blink', good, { signers: [stage.keys.stranger] }),
  };
  for (const [what, code] of Object.entries(refused)) narrator.good(`${what}: ${code}`);
  return refused;
}

/** A module with all the right signatures that traps: the one before comes back by itself. */
export async function rollBack(
  stage: Stage,
  narrator: Narrator,
): Promise<{ reason: string; activeAgainMs: number }> {
  narrator.title('4. Roll back a bad module');
  const outcome = await stage.push('blink', await stage.keys.sign('bad-trap', 'blink', 3, BLINK));
  if (outcome.end !== 'rolled-back') throw new Error(`the bad module ended ${outcome.end}`);
  const status = decodePayload('cbor', await stage.call('blink', 'Status')) as { version: number };
  if (status.version !== 1) throw new Error(`blink is version ${status.version} after the rollback`);
  const line = stage.log.findLast(({ activeAgainMs }) => typeof activeAgainMs === 'number');
  const reason = outcome.error?.code ?? 'none';
  const activeAgainMs = Number(line?.activeAgainMs);
  narrator.good(`${reason}: blink 1.0.0 was active again after ${activeAgainMs} ms`);
  await watchLed(stage, narrator);
  return { reason, activeAgainMs };
}

export interface ProviderResult {
  removedError: string;
  readyzWhileRemoved: number;
  swappedTo: string;
  valueKept: boolean;
}

/** The key-value store is taken away and another one put in its place; the actor goes on. */
export async function takeProviderAway(stage: Stage, narrator: Narrator): Promise<ProviderResult> {
  narrator.title('5. Take a provider away, and put another in its place');
  const contract = 'wascc:keyvalue';
  const before = await count(stage);
  await stage.client.rpc('providers.remove', { contract });
  const removedError = await stage.call('counter', 'Count').then(
    () => 'none',
    (error: Error) => error.message,
  );
  const readyzWhileRemoved = await stage.readyz();
  narrator.good(`the actor is told: ${removedError}`);
  narrator.good(`/readyz says ${readyzWhileRemoved}, the host lives`);
  const { implementation } = await stage.client.rpc('providers.swap', { contract, to: 'lmdb' });
  const valueKept = (await count(stage)) === before && (await stage.readyz()) === 200;
  narrator.good(`${implementation} took its place, the count is still ${before}`);
  return { removedError, readyzWhileRemoved, swappedTo: implementation, valueKept };
}

async function count(stage: Stage): Promise<number> {
  const reply = decodePayload('cbor', await stage.call('counter', 'Count')) as { count: number };
  return reply.count;
}
