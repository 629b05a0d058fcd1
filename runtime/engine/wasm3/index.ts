import type { Engine } from '../engine.js';
import { ActorInstance } from './actor.js';
import { PlainModule } from './plain.js';

export { loadEngineModule, loadEngineModuleSync } from './compiled.js';

/** The interpreter wasm3, itself compiled to WebAssembly: every guest gets an engine of its own. */
export function createWasm3Engine(compiled: WebAssembly.Module): Engine {
  return {
    name: 'wasm3',
    load: (module, host, limits) => new ActorInstance(compiled, module, host, limits),
    loadPlain: (module, limits) => new PlainModule(compiled, module, limits),
  };
}
