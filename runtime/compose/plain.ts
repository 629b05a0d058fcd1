import { DEFAULT_ACTOR_LIMITS, MAX_MODULE_BYTES, START_FUEL } from '../base/limits.js';
import { admit } from '../engine/admission/index.js';
import type { PlainValue } from '../engine/engine.js';
import { createWasm3Engine, loadEngineModule } from '../engine/wasm3/index.js';

/** A command that a person runs once may think longer than an actor between two messages. */
const PLAIN_FUEL = 1_000 * START_FUEL;

/**
 * Calls an exported function of a plain module in the same engine that runs actors. Arguments are text as typed.
 * Throws as admission does (E_MODULE, E_FEATURE, E_IMPORT, …), E_USAGE for a name, count or value that does not fit,
 * E_TRAP, E_FUEL.
 */
export async function invokePlain(
  bytes: Uint8Array,
  name: string,
  args: readonly string[],
): Promise<readonly PlainValue[]> {
  const engine = createWasm3Engine(await loadEngineModule());
  const { memoryPages, payloadBytes } = DEFAULT_ACTOR_LIMITS;
  admit(bytes, { limits: { memoryPages, maxModuleBytes: MAX_MODULE_BYTES }, kind: 'plain' });
  const limits = { memoryPages, payloadBytes, fuelPerCall: PLAIN_FUEL, startFuel: PLAIN_FUEL };
  using instance = engine.loadPlain(bytes, limits);
  return instance.invoke(name, args);
}
