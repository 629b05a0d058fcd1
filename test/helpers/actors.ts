import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { CheckedModule } from '#runtime/host/update.js';
import { WapcHost } from './wapc-host.js';

/** Bytes of a module that scripts/build-actors.sh made, `counter-v1` for dist/actors/counter-v1.wasm. */
export function actorModule(name: string): Uint8Array {
  const file = new URL(`../../dist/actors/${name}.wasm`, import.meta.url);
  if (!existsSync(file)) throw new Error(`dist/actors/${name}.wasm is missing: run scripts/build-actors.sh`);
  return new Uint8Array(readFileSync(file));
}

/** That module in the test host, started. */
export function actor(name: string): WapcHost {
  return new WapcHost(actorModule(name)).start();
}

/** That module as the host takes it, its claims believed: for tests that run an actor without signing and pushing it. */
export function checkedActor(file: string, capabilities: readonly string[], name = file): CheckedModule {
  const bytes = actorModule(file);
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { bytes, digest, key: 'MTEST', name, capabilities };
}
