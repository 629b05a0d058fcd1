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
