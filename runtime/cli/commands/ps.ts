import type { ActorStatus, RpcOperations } from '../../control/protocol/messages.js';
import { freshnessText } from '../../trust/fresh/freshness.js';
import type { CommandSpec } from '../command.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';
import { PROVIDER_HEADING, providerRow } from '../device/provider-row.js';
import { table } from '../table.js';

export const command: CommandSpec = {
  name: 'ps',
  summary: 'show what runs on a device, and what is wrong with it',
  group: 'Devices:',
  build(command, context) {
    deviceOptions(command).action(
      context.action(async (options: DeviceOptions) => {
        const { withDevice } = await import('../device/session.js');
        const data = await withDevice(options, context, (device) => device.rpc('ps', {}));
        return { data, text: statusText(data) };
      }),
    );
  },
};

function statusText(status: RpcOperations['ps']['result']): string[] {
  const { device, version, session, ready, problems, actors, providers, freshness, trust } = status;
  const head = `${device}: ${ready ? 'ready' : 'not ready'}, iot-host ${version}, start ${session}`;
  return [
    head,
    ...(trust === undefined
      ? []
      : [`  trusts by version ${trust.version}${trust.expired ? ', which is out of force' : ''}`]),
    ...(freshness === undefined ? [] : [`  ${freshnessText(freshness)}`]),
    ...problems.map((problem) => `  ! ${problem}`),
    ...(actors.length === 0 ? ['no actors'] : table(ACTOR_HEADING, actors.map(actorRow))),
    ...(providers.length === 0 ? ['no providers'] : table(PROVIDER_HEADING, providers.map(providerRow))),
  ];
}

const ACTOR_HEADING = ['ACTOR', 'STATE', 'VERSION', 'DIGEST', 'HANDLED', 'FAILED', 'RESTARTS', 'PROBLEM'];
const actorRow = (actor: ActorStatus): string[] => [
  actor.name,
  actor.state,
  actor.version ?? '-',
  actor.digest?.slice(0, 12) ?? '-',
  String(actor.handled),
  String(actor.failed),
  String(actor.restarts),
  actor.problem ?? '',
];
