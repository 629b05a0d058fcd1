import type { Command } from 'commander';
import { counted } from '../../base/counted.js';
import type { ProviderStatus } from '../../control/protocol/messages.js';
import type { CommandSpec } from '../command.js';
import type { Context } from '../context.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';
import { PROVIDER_HEADING, providerRow } from '../device/provider-row.js';
import type { DeviceSession } from '../device/session.js';
import type { Result } from '../result.js';
import { table } from '../table.js';

type NamedOptions = DeviceOptions & { name?: string };

export const command: CommandSpec = {
  name: 'providers',
  summary: 'show, remove, start or swap the providers of a device',
  group: 'Devices:',
  build(command, context) {
    deviceOptions(
      command.command('list', { isDefault: true }).description('show providers and what could be started'),
    ).action(context.action((options: DeviceOptions) => list(options, context)));

    change(command, 'remove', 'stop a provider: actors get a host error they can handle').action(
      context.action((contract: string, options: NamedOptions) =>
        changed(contract, options, context, (device, named) => device.rpc('providers.remove', named)),
      ),
    );
    change(command, 'start', 'start a provider that was removed').action(
      context.action((contract: string, options: NamedOptions) =>
        changed(contract, options, context, (device, named) => device.rpc('providers.start', named)),
      ),
    );
    change(command, 'swap', 'put another implementation in its place, bindings and values kept')
      .argument('[settings...]', 'settings of the new implementation as key=value')
      .requiredOption('--to <implementation>', 'implementation, like lmdb')
      .action(
        context.action(async (contract: string, args: string[], options: NamedOptions & { to: string }) => {
          const { parseSettings } = await import('../settings.js');
          const more = { to: options.to, ...(args.length === 0 ? {} : { settings: parseSettings(args) }) };
          return changed(contract, options, context, (device, named) =>
            device.rpc('providers.swap', { ...named, ...more }),
          );
        }),
      );
  },
};

function change(parent: Command, name: string, description: string): Command {
  const command = parent
    .command(name)
    .description(description)
    .argument('<contract>', 'contract id, like wascc:keyvalue')
    .option('--name <provider>', 'name of the provider (default: "default")');
  return deviceOptions(command);
}

async function list(options: DeviceOptions, context: Context): Promise<Result> {
  const { withDevice } = await import('../device/session.js');
  const data = await withDevice(options, context, (device) => device.rpc('providers.list', {}));
  const { width } = context.output.paper;
  const contracts = data.contracts.map(({ id, implementations, summary }) => [
    id,
    implementations.join(', '),
    summary,
  ]);
  return {
    data,
    text: [
      ...(data.providers.length === 0
        ? ['no providers']
        : table(PROVIDER_HEADING, data.providers.map(providerRow), width)),
      '',
      ...table(['CONTRACT', 'IMPLEMENTATIONS', 'WHAT IT IS'], contracts, width),
    ],
  };
}

async function changed(
  contract: string,
  options: NamedOptions,
  context: Context,
  ask: (device: DeviceSession, named: { contract: string; name?: string }) => Promise<ProviderStatus>,
): Promise<Result> {
  const { withDevice } = await import('../device/session.js');
  const named = { contract, ...(options.name === undefined ? {} : { name: options.name }) };
  const data = await withDevice(options, context, (device) => ask(device, named));
  const problem = data.problem === undefined ? '' : `: ${data.problem}`;
  const what = `${data.contract} (${data.name}): ${data.implementation}`;
  return { data, text: [`${what} is ${data.state}, ${counted(data.bindings, 'binding')}${problem}`] };
}
