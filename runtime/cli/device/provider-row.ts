import type { ProviderStatus } from '../../control/protocol/messages.js';

/** Columns under which `providerRow` fits, in `ps` and `providers`. */
export const PROVIDER_HEADING = ['CONTRACT', 'NAME', 'IMPLEMENTATION', 'STATE', 'BINDINGS', 'PROBLEM'];
export const providerRow = (provider: ProviderStatus): string[] => [
  provider.contract,
  provider.name,
  provider.implementation,
  provider.state,
  String(provider.bindings),
  provider.problem ?? '',
];
