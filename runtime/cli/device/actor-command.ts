import { IotError } from '../../base/errors.js';
import type { ActorStatus } from '../../control/protocol/messages.js';
import type { CommandSpec } from '../command.js';
import { withHint } from '../hints.js';
import type { Result } from '../result.js';
import { type DeviceOptions, deviceOptions } from './options.js';

/** `start`, `stop` and `restart`: one actor, one request, and the state that it is in afterwards. */
export function actorCommand(name: 'start' | 'stop' | 'restart', summary: string, more = ''): CommandSpec {
  return {
    name,
    summary,
    group: 'Devices:',
    build(command, context) {
      command.argument('<actor>', 'name of the actor’s slot');
      if (more !== '') command.addHelpText('after', `\n${more}`);
      deviceOptions(command).action(
        context.action(async (actor: string, options: DeviceOptions) => {
          const { withDevice } = await import('./session.js');
          return withDevice(options, context, async ({ client, rpc }) => {
            const status = await rpc(`actors.${name}`, { actor });
            return outcome(client.device, status, name === 'stop' ? 'stopped' : 'running');
          });
        }),
      );
    },
  };
}

/** It was done; whether the actor then runs is another matter. */
function outcome(device: string, status: ActorStatus, wanted: ActorStatus['state']): Result {
  const { name, state, problem } = status;
  const text = [`${name} is ${state}`];
  if (state === wanted) return { data: status, text };
  const why = problem === undefined ? '' : `: ${problem}`;
  const failure = new IotError('E_START', `${name} is ${state}${why}`);
  return { data: status, text: [], failure: withHint(failure, { device, actor: name }) };
}
