import { IotError } from '../../base/errors.js';
import { Status } from './shim.js';

/** Why the shim answered with something else than `ok`, in wasm3's words. */
export interface Reason {
  readonly message: string;
  readonly detail: string;
}

function words({ message, detail }: Reason): string {
  const text = message.replace(/^\[trap\] /, '').replaceAll('Wasm', 'WebAssembly') || 'no reason given';
  return detail === '' || detail === message ? text : `${text}: ${detail}`;
}

/** A guest that ran and was stopped. `fuel` is the budget it had. */
export function runError(status: Status, reason: Reason, fuel: number): IotError {
  return status === Status.fuelOut
    ? new IotError('E_FUEL', `the actor used up its ${fuel} units of fuel`, {
        hint: 'raise limits.fuelPerCall if the actor is right to work that long',
      })
    : new IotError('E_TRAP', `the actor trapped: ${words(reason)}`);
}

/** A module the engine did not take. */
export function loadError(status: Status, reason: Reason, memoryPages: number): IotError {
  switch (status) {
    case Status.badFeature:
      return new IotError('E_FEATURE', `the engine cannot compile the module: ${words(reason)}`);
    case Status.noMemory:
      return new IotError('E_MEMORY', 'the module does not fit into the 16 MiB of an engine');
    case Status.tooLarge:
      return new IotError('E_LIMIT', `the module starts with more than its limit of ${memoryPages} pages`);
    default:
      return new IotError('E_MODULE', `the engine does not take the module: ${words(reason)}`);
  }
}

/**
 * What came flying out of the engine itself. V8's stack can end before wasm3's own check does (functions with
 * many nested blocks); anything else is a fault of the engine. Either way its stack is not to be trusted again.
 */
export function thrownError(thrown: unknown, stackCode: 'E_TRAP' | 'E_LIMIT'): IotError {
  if (thrown instanceof RangeError) {
    const message =
      stackCode === 'E_TRAP' ? 'the actor trapped: stack overflow' : 'the module nests too deeply';
    return new IotError(stackCode, message, { cause: thrown });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new IotError('E_ENGINE', `the engine failed: ${message}`, { cause: thrown });
}
