import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { IotError } from '../../base/errors.js';

/** From dist/runtime/engine/wasm3/ to dist/native/. */
const ENGINE_FILE = new URL('../../../native/engine.wasm', import.meta.url);

function unreadable(cause: unknown): IotError {
  return new IotError('E_UNAVAILABLE', 'the engine is not built: dist/native/engine.wasm cannot be read', {
    hint: 'npm run build',
    cause,
  });
}

/** wasm3 and the shim, compiled by V8 once per process and shared by every engine. Throws E_UNAVAILABLE. */
export async function loadEngineModule(): Promise<WebAssembly.Module> {
  const bytes = await readFile(ENGINE_FILE).catch((cause: unknown) => {
    throw unreadable(cause);
  });
  return WebAssembly.compile(bytes);
}

/** The same without waiting: for worker threads that were not handed the compiled module. */
export function loadEngineModuleSync(): WebAssembly.Module {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(ENGINE_FILE);
  } catch (cause) {
    throw unreadable(cause);
  }
  return new WebAssembly.Module(bytes);
}
