import { IotError } from '../../base/errors.js';
import type { ActorStatus } from '../../control/protocol/messages.js';
import type { CommandSpec } from '../command.js';
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
          const status = await withDevice(options, context, (device) =>
            device.rpc(`actors.${name}`, { actor }),
          );
          return outcome(status, name === 'stop' ? 'stopped' : 'running');
        }),
      );
    },
  };
}

/** It was done; whether the actor then runs is another matter. */
function outcome(status: ActorStatus, wanted: ActorStatus['state']): Result {
  const { name, state, problem } = status;
  const text = [`${name} is ${state}`];
  if (state === wanted) return { data: status, text };
  const why = problem === undefined ? '' : `: ${problem}`;
  return { data: status, text: [], failure: new IotError('E_START', `${name} is ${state}${why}`) };
}
