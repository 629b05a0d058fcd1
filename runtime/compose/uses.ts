import type { Board } from '../base/board.js';
import type { HostConfig } from '../base/config/schema.js';
import type { Resource } from '../base/contract.js';
import { loadContracts } from '../providers/discover.js';
import { providerFor } from './provider-for.js';

/** A line or a port, and who has it. */
export interface Use extends Resource {
  readonly actor: string;
}

/** A provider of a configuration: named in it, or what a binding gets by default. */
export interface UsedProvider {
  readonly contract: string;
  readonly name: string;
  readonly implementation: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** What the bindings of a configuration will have for themselves. A binding that is not valid has nothing. */
export async function configuredUses(config: HostConfig): Promise<Use[]> {
  return (await usesByProvider(config)).map(({ provider: _, ...use }) => use);
}

/** The same, with the name of the provider that each is asked of. */
export async function usesByProvider(config: HostConfig): Promise<(Use & { readonly provider: string })[]> {
  const contracts = await loadContracts();
  return config.actors.flatMap(({ name: actor, bindings }) =>
    bindings.flatMap(({ contract: id, name, ...settings }) => {
      const contract = contracts.get(id)?.contract;
      const provider = providerFor(config, id, name).name;
      try {
        const resources = contract?.resources(contract.parseGrant(settings)) ?? [];
        return resources.map((resource) => ({ ...resource, actor, provider }));
      } catch {
        // `config check` says what is wrong with it.
        return [];
      }
    }),
  );
}

/** The providers that a configuration names or its bindings need on that board; unknown contracts are left out. */
export async function usedProviders(config: HostConfig, board: Board): Promise<UsedProvider[]> {
  const contracts = await loadContracts();
  const bindings = config.actors.flatMap((actor) => actor.bindings);
  const wanted = [
    ...config.providers,
    ...bindings.map(({ contract, name }) => providerFor(config, contract, name)),
  ];
  const found = new Map<string, UsedProvider>();
  for (const { contract, name, use, ...settings } of wanted) {
    const implementation = use ?? contracts.get(contract)?.contract.defaultImplementation(board);
    const key = `${contract} ${name}`;
    if (implementation !== undefined && !found.has(key))
      found.set(key, { contract, name, implementation, settings });
  }
  return [...found.values()];
}
