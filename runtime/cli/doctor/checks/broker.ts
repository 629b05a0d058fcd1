import { withoutPassword } from '../../device/lookup.js';
import { brokerUrl } from '../../device/place.js';
import { type Check, fail, ok } from '../finding.js';

/** That the broker answers. One inside the host is there when the host is. */
export const checkBroker: Check = async (machine, { config }) => {
  if (config === undefined) return [];
  const url = brokerUrl(config.broker);
  if (config.broker.startsWith('embedded'))
    return [ok('broker', `inside the host${url === undefined ? '' : `: ${url}`}`)];
  const problem = await machine.brokerProblem(config);
  if (problem === undefined) return [ok('broker', `${withoutPassword(config.broker)} answers`)];
  const fix = problem.hint ?? 'start it, or name another one: broker: mqtt://HOST:1883';
  return [fail('broker', problem.message, fix)];
};
