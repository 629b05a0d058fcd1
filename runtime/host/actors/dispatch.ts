import { asIotError, IotError, withContext } from '../../base/errors.js';
import type { OneWayCall } from '../cell/protocol.js';
import type { Bindings } from './bindings.js';

/**
 * The way of one awaited host call: the module's claims, then the slot's binding, then (in the contract) the grant.
 * All three must allow it. Throws E_NOT_CLAIMED, E_NOT_BOUND, E_NO_PROVIDER or what the provider throws; the message
 * names the actor and the operation, since the guest will pass it on.
 */
export async function dispatch(
  actor: string,
  capabilities: readonly string[],
  bindings: Bindings,
  call: OneWayCall,
): Promise<Uint8Array> {
  const { namespace, operation } = call;
  const what = `${actor}: ${namespace} ${operation}`;
  if (!capabilities.includes(namespace)) {
    const hint = `sign the module with --cap ${namespace}`;
    throw new IotError('E_NOT_CLAIMED', `${what}: its claims do not ask for ${namespace}`, { hint });
  }
  const bound = bindings.find(namespace, call.binding);
  if (bound === undefined) {
    const named = call.binding === 'default' ? '' : ` --name ${call.binding}`;
    const hint = `iot-host bind ${actor} ${namespace}${named}`;
    throw new IotError('E_NOT_BOUND', `${what}: no binding "${call.binding}" for ${namespace}`, { hint });
  }
  try {
    return await bound.provider.perform(bound.session, operation, call.payload, call.waitMs);
  } catch (thrown) {
    throw withContext(asIotError(thrown, 'E_PROVIDER'), what);
  }
}
