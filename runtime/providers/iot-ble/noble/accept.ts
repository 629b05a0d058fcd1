import { IotError } from '../../../base/errors.js';
import type { NoblePeripheral } from './api.js';
import { Connection } from './connection.js';

/** Longest wait for a peripheral that has just been heard to accept a connection and to answer on it. */
const ACCEPT_MS = 5_000;

/**
 * Connects, and resolves at the first answer: both packages ask for the size of packets by themselves. Whoever asks or
 * leaves before it is there runs into it: the packages take any answer for that to their own question, and on the next
 * connection, which may have the same handle, a slow peripheral still answers the question of the last one. Rejects with
 * E_PROVIDER, and then there is no connection.
 */
export function accepted(peripheral: NoblePeripheral, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    let isConnected = false;
    const finish = (why?: string) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      peripheral.removeListener('mtu', answered);
      peripheral.removeListener('disconnect', ended);
      if (why === undefined) resolve();
      else reject(new IotError('E_PROVIDER', `no connection: ${why}`));
    };
    const answered = () => finish();
    const ended = () => finish('it ended at once');
    const giveUp = () => {
      // It says so through `connect`, with an error, and late or never if the adapter is gone.
      if (isConnected) void new Connection(peripheral).close();
      else peripheral.cancelConnect?.();
      finish(isConnected ? 'it does not answer' : 'it does not accept one');
    };
    const timer = setTimeout(giveUp, ACCEPT_MS);
    signal.addEventListener('abort', giveUp, { once: true });
    peripheral.once('mtu', answered);
    peripheral.connect((error) => {
      if (error !== undefined && error !== null) {
        finish(error instanceof Error ? error.message : error);
        return;
      }
      isConnected = true;
      peripheral.once('disconnect', ended);
    });
  });
}
