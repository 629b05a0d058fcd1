import { IotError } from '../../base/errors.js';
import { DEFAULT_ACTOR_LIMITS, START_FUEL } from '../../base/limits.js';
import { type Module, readModule } from '../../wasm/module.js';
import type { Engine, GuestHost } from '../engine.js';
import { refuseExports } from './exports.js';
import { refuseFeatures } from './features.js';
import { refuseImports } from './imports.js';
import type { ModuleKind } from './kind.js';
import { refuseSegments } from './segments.js';
import { refuseMemory, refuseSizes } from './sizes.js';
import { validate } from './validate.js';

export interface AdmitOptions {
  readonly kind: ModuleKind;
  readonly limits: {
    /** Pages of 64 KiB that the module is granted. */
    readonly memoryPages: number;
    readonly maxModuleBytes: number;
  };
  /** When given, the module is also compiled in an instance of its own, which is thrown away. */
  readonly engine?: Engine;
}

export interface AdmittedModule {
  /** The very buffer that was checked. */
  readonly bytes: Uint8Array;
  readonly kind: ModuleKind;
  readonly module: Module;
}

/**
 * The gate in front of the engine, which does not validate what it runs and miscompiles some features silently.
 * Claims and trust are not looked at here.
 *
 * Throws E_TOO_LARGE; E_MODULE (cannot be read, does not validate, or a segment lies outside); E_FEATURE with the
 * feature and the function; E_IMPORT; E_LIMIT; E_EXPORT; and with `engine` whatever its `load` throws.
 */
export function admit(bytes: Uint8Array, options: AdmitOptions): AdmittedModule {
  const { kind, limits, engine } = options;
  if (bytes.length > limits.maxModuleBytes) {
    throw new IotError(
      'E_TOO_LARGE',
      `module of ${bytes.length} bytes exceeds the limit of ${limits.maxModuleBytes}`,
    );
  }
  const module = readModule(bytes);
  // Features first: what this machine's V8 does not know either should be refused by its name, not as invalid.
  refuseFeatures(module);
  validate(bytes);
  refuseImports(module, kind);
  refuseMemory(module, limits.memoryPages);
  refuseSizes(module);
  refuseSegments(module);
  refuseExports(module, kind);
  if (engine !== undefined) tryEngine(bytes, engine, options);
  return { bytes, kind, module };
}

/** Nothing of the guest runs: `load` only parses, links and compiles. */
function tryEngine(bytes: Uint8Array, engine: Engine, { kind, limits }: AdmitOptions): void {
  const { fuelPerCall, payloadBytes } = DEFAULT_ACTOR_LIMITS;
  const engineLimits = { memoryPages: limits.memoryPages, fuelPerCall, payloadBytes, startFuel: START_FUEL };
  using _instance =
    kind === 'actor' ? engine.load(bytes, NO_HOST, engineLimits) : engine.loadPlain(bytes, engineLimits);
}

const NO_HOST: GuestHost = {
  hostCall: () => new IotError('E_NOT_RUNNING', 'the module is only being checked'),
  log: () => undefined,
};
