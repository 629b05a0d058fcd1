import type { Board } from '../base/board.js';
import type { HostConfig } from '../base/config/schema.js';
import type { Resource } from '../base/contract.js';
import { loadContracts } from '../providers/discover.js';

/** A line or a port, and who has it. */
export interface Use extends Resource {
  readonly actor: string;
}

/** What the bindings of a configuration will have for themselves. A binding that is not valid has nothing. */
export async function configuredUses(config: HostConfig): Promise<Use[]> {
  const contracts = await loadContracts();
  return config.actors.flatMap(({ name: actor, bindings }) =>
    bindings.flatMap(({ contract: id, name: _name, ...settings }) => {
      const contract = contracts.get(id)?.contract;
      try {
        const resources = contract?.resources(contract.parseGrant(settings)) ?? [];
        return resources.map((resource) => ({ ...resource, actor }));
      } catch {
        // `config check` says what is wrong with it.
        return [];
      }
    }),
  );
}

/** Contract → implementation, for what the providers and bindings of a configuration need on that board. */
export async function implementationsOf(config: HostConfig, board: Board): Promise<Record<string, string>> {
  const contracts = await loadContracts();
  const bound = config.actors.flatMap(({ bindings }) => bindings.map(({ contract }) => ({ contract })));
  const found: Record<string, string> = {};
  for (const { contract: id, use } of [...bound, ...config.providers] as {
    contract: string;
    use?: string;
  }[]) {
    const implementation = use ?? contracts.get(id)?.contract.defaultImplementation(board);
    if (implementation !== undefined) found[id] = implementation;
  }
  return found;
}
