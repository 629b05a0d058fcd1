import type { ActorStatus, RpcOperations } from '../../control/protocol/messages.js';
import { freshnessText } from '../../trust/fresh/freshness.js';
import type { CommandSpec } from '../command.js';
import { type DeviceOptions, deviceOptions } from '../device/options.js';
import { PROVIDER_HEADING, providerRow } from '../device/provider-row.js';
import { table } from '../table.js';
import { hanging } from '../words.js';

export const command: CommandSpec = {
  name: 'ps',
  summary: 'show what runs on a device, and what is wrong with it',
  group: 'Devices:',
  build(command, context) {
    deviceOptions(command).action(
      context.action(async (options: DeviceOptions) => {
        const { withDevice } = await import('../device/session.js');
        const data = await withDevice(options, context, (device) => device.rpc('ps', {}));
        return { data, text: statusText(data, context.output.paper.width) };
      }),
    );
  },
};

function statusText(status: RpcOperations['ps']['result'], width: number): string[] {
  const { device, version, session, ready, problems, actors, providers, freshness, trust } = status;
  // On a terminal what stands above is not said again beside the rows.
  const told = (cells: string[]) => {
    const why = cells.at(-1) ?? '';
    const known = Number.isFinite(width) && problems.some((problem) => problem.includes(why));
    return known ? cells.with(-1, '') : cells;
  };
  const rows = (heading: string[], cells: string[][]) => table(heading, cells.map(told), width);
  const head = `${device}: ${ready ? 'ready' : 'not ready'}, iot-host ${version}, start ${session}`;
  return [
    head,
    ...(trust === undefined
      ? []
      : [`  trusts by version ${trust.version}${trust.expired ? ', which is out of force' : ''}`]),
    ...(freshness === undefined ? [] : [`  ${freshnessText(freshness)}`]),
    ...problems.flatMap((problem) => hanging('  ! ', problem, width)),
    ...(actors.length === 0 ? ['no actors'] : rows(ACTOR_HEADING, actors.map(actorRow))),
    ...(providers.length === 0 ? ['no providers'] : rows(PROVIDER_HEADING, providers.map(providerRow))),
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
