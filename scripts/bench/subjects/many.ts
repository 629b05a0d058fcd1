import { setImmediate } from 'node:timers/promises';
import wapc from '@wapc/host';
import { actorFile, newEngine, startActor } from '../engine.js';
import { serve } from '../subject.js';

interface Options {
  readonly host: 'ours' | 'wapc';
  readonly count: number;
  /** File of dist/actors. */
  readonly file: string;
}

const PAYLOAD = new Uint8Array(64);

/** Many actors in one thread, each called once; says what one of them costs in resident memory. */
await serve(async ({ host, count, file }: Options) => {
  const module = await actorFile(file);
  const make = host === 'ours' ? await maker(module) : makeTheirs(module);
  // The first ones bring code and tables that all share.
  const kept: unknown[] = [];
  for (let i = 0; i < 10; i++) kept.push(await make());
  const before = await resident();
  for (let i = 0; i < count; i++) kept.push(await make());
  const after = await resident();
  if (kept.length !== count + 10) throw new Error('some are missing');
  return {
    hello: { kibEach: (after - before) / count / 1024 },
    stop: async () => kept.splice(0) && undefined,
  };
});

async function maker(module: Uint8Array): Promise<() => unknown> {
  const engine = await newEngine();
  return () => {
    const actor = startActor(engine, module);
    if (!actor.call('Echo', PAYLOAD).ok) throw new Error('Echo failed');
    return actor;
  };
}

function makeTheirs(module: Uint8Array): () => Promise<unknown> {
  return async () => {
    const actor = await wapc.instantiate(module);
    await actor.invoke('Echo', PAYLOAD);
    return actor;
  };
}

async function resident(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await setImmediate();
  }
  return process.memoryUsage.rss();
}
