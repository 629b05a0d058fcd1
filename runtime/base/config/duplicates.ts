import { keyPath, type Problem } from './problem.js';
import type { HostConfig } from './schema.js';
import type { YamlSource } from './source.js';

/** Names that must be unique: slots, (contract, name) of providers, (contract, name) of one slot's bindings. */
export function duplicates(config: HostConfig, source: YamlSource): Problem[] {
  const inBindings = config.actors.flatMap((slot, index) =>
    repeated(slot.bindings, ['actors', index, 'bindings'], source, contractAndName),
  );
  return [
    ...repeated(config.providers, ['providers'], source, contractAndName),
    ...repeated(config.actors, ['actors'], source, (slot) => `the slot name "${slot.name}"`),
    ...inBindings,
  ].sort((a, b) => a.offset - b.offset);
}

const contractAndName = (entry: { contract: string; name: string }) =>
  `${entry.contract} with the name "${entry.name}"`;

function repeated<T>(
  entries: readonly T[],
  path: readonly PropertyKey[],
  source: YamlSource,
  identity: (entry: T) => string,
): Problem[] {
  const first = new Map<string, number>();
  return entries.flatMap((entry, index) => {
    const id = identity(entry);
    const earlier = first.get(id);
    if (earlier === undefined) {
      first.set(id, index);
      return [];
    }
    const place = [...path, index];
    const text = `${id} is already taken by ${keyPath([...path, earlier])}`;
    return [{ offset: source.valueAt(place), key: keyPath(place), text }];
  });
}
