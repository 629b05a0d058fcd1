import { readFile } from 'node:fs/promises';
import {
  type Actor,
  createWasm3Engine,
  type Engine,
  type EngineLimits,
  type GuestHost,
  loadEngineModule,
} from '../../runtime/index.js';

/** As generous as a slot may be. */
export const LIMITS: EngineLimits = {
  memoryPages: 64,
  fuelPerCall: 5_000_000,
  startFuel: 50_000_000,
  payloadBytes: 2 ** 20,
};

/** Answers every host call with what it was asked. */
export const ECHO_HOST: GuestHost = {
  hostCall: (_binding, _namespace, _operation, payload) => payload,
  log: () => {},
};

export async function newEngine(): Promise<Engine> {
  return createWasm3Engine(await loadEngineModule());
}

/** A loaded and started actor. */
export function startActor(engine: Engine, module: Uint8Array): Actor {
  const actor = engine.load(module, ECHO_HOST, LIMITS);
  actor.start();
  return actor;
}

/** A file of dist/, like `actors/relay.wasm`. */
export async function built(file: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(`../../${file}`, import.meta.url)));
}

export async function actorFile(name: string): Promise<Uint8Array> {
  return built(`actors/${name}.wasm`);
}
