import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Contract } from '../base/contract.js';
import { asIotError, IotError } from '../base/errors.js';

/** A contract and the module that exports it, for the threads that load it themselves. */
export interface FoundContract {
  readonly contract: Contract;
  readonly url: string;
}

/**
 * Finds every contract there is: each sub-folder of `dir` (default: this one) with a `contract.js` is one, by the id
 * it declares. Loads no implementation. Throws E_CONFIG for a file that is no contract and for an id used twice.
 */
export async function loadContracts(
  dir: URL = new URL('./', import.meta.url),
): Promise<Map<string, FoundContract>> {
  const contracts = new Map<string, FoundContract>();
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  for (const name of names.sort()) {
    const file = new URL(`${encodeURIComponent(name)}/contract.js`, dir);
    if (!existsSync(file)) continue;
    const contract = await importContract(file);
    if (contracts.has(contract.id)) {
      throw new IotError(
        'E_CONFIG',
        `capability ${contract.id} is declared twice, the second time in ${name}`,
      );
    }
    contracts.set(contract.id, { contract, url: file.href });
  }
  return contracts;
}

async function importContract(file: URL): Promise<Contract> {
  let contract: Partial<Contract> | undefined;
  try {
    contract = ((await import(file.href)) as { default?: Partial<Contract> }).default;
  } catch (thrown) {
    const why = asIotError(thrown).message;
    throw new IotError('E_CONFIG', `${file.pathname} cannot be loaded: ${why}`, { cause: thrown });
  }
  if (typeof contract?.id === 'string' && typeof contract.handle === 'function') return contract as Contract;
  throw new IotError('E_CONFIG', `${file.pathname} has no contract as its default export`, {
    hint: 'export default defineContract({ … })',
  });
}
