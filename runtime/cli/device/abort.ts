import { asIotError, IotError, withContext } from '../../base/errors.js';
import { cancel } from '../../control/client/cancel.js';
import type { DeviceSession } from './session.js';

export interface Aborted {
  /** Whether the device took something back; `undefined` while it is off. */
  readonly aborted?: boolean;
  /** Whether the broker held something for it to install. */
  readonly withdrawn: boolean;
}

/**
 * Has the device take back what is on its way, and takes what is wanted of it from the broker, in any case: whoever
 * lacks the control key withdraws at least what did not run yet. Rejects with what the device refused the request for.
 */
export async function abort({ client, rpc }: DeviceSession, component: string): Promise<Aborted> {
  const { state } = await client.presence();
  if (state === 'offline') return { withdrawn: await cancel(client, component) };
  const asked = await rpc('abort', { component }).catch((thrown: unknown) => asIotError(thrown));
  const withdrawn = await cancel(client, component);
  if (!(asked instanceof IotError)) return { ...asked, withdrawn };
  throw withContext(
    asked,
    `the update of ${component} is no longer wanted, but one on probation is not taken back`,
  );
}

export function abortText(device: string, component: string, { aborted, withdrawn }: Aborted): string {
  if (aborted === true) return `the update of ${component} is taken back`;
  if (aborted === false) return `no update of ${component} is under way`;
  return withdrawn
    ? `${device} is off: the update of ${component} is no longer wanted; one that is on probation there ends by itself`
    : `${device} is off, and no update of ${component} is wanted`;
}
