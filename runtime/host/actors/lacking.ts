import { IotError } from '../../base/errors.js';
import { namesActor } from './actor-calls.js';
import type { LiveActor } from './live-actor.js';
import type { Route } from './route.js';

/**
 * Why a `Start` failed that was refused a binding: `undefined` when it was refused none. That is no fault of the
 * module: nobody has granted it yet what it needs, or its slot was taken out of the configuration.
 */
export function lackOf(actor: LiveActor, { lacked, module }: Route): IotError | undefined {
  if (lacked === undefined) return undefined;
  const bound = new Set(actor.bindings.list().map(({ contract }) => contract));
  const all = new Set([
    lacked.name === 'default' ? lacked.contract : `${lacked.contract} (--name ${lacked.name})`,
    ...module.capabilities.filter((id) => !namesActor(id) && !bound.has(id)),
  ]);
  const { name } = actor;
  const named = lacked.name === 'default' ? '' : ` --name ${lacked.name}`;
  const bind = `iot-host bind ${name} ${lacked.contract}${named} KEY=VALUE…`;
  return new IotError(
    'E_NOT_BOUND',
    `it waits for what its Start needs and nobody has bound: ${[...all].join(', ')}`,
    {
      hint: `${bind}, or what it had under actors: in the configuration; iot-host rm ${name} if it is not wanted any more`,
    },
  );
}

/** It is down until its bindings change. */
export function waitsForBinding({ state, problem }: LiveActor): boolean {
  return state === 'backoff' && problem?.code === 'E_NOT_BOUND';
}

/** What is said to whoever sends something to an actor that waits for its bindings. */
export function unbound({ name, problem }: LiveActor): IotError {
  return new IotError('E_NOT_RUNNING', `actor ${name} is down: ${problem?.message}`, { hint: problem?.hint });
}
