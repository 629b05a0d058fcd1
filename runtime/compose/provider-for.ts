import type { HostConfig, ProviderConfig } from '../base/config/schema.js';

/**
 * The provider that a binding of that name gets: the one of its name, else the default one, which exists without being
 * configured, too. Source: `Providers.findOrAdd`, which is what `up` does.
 */
export function providerFor(config: HostConfig, contract: string, binding: string): ProviderConfig {
  const named = (name: string) =>
    config.providers.find((one) => one.contract === contract && one.name === name);
  return named(binding) ?? named('default') ?? { contract, name: 'default' };
}
