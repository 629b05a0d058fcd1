import { IotError } from '../../../base/errors.js';
import type { NoblePeripheral } from './api.js';
import { Connection } from './connection.js';

/** Longest wait for a peripheral that has just been heard to accept a connection and to answer on it. */
const ACCEPT_MS = 5_000;
/** Longest wait for what is still to be said about an attempt that is given up. */
const SAID_MS = 1_000;

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
    let isGivenUp = false;
    const finish = (why?: string) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      peripheral.removeListener('mtu', answered);
      peripheral.removeListener('disconnect', ended);
      if (why === undefined) resolve();
      else reject(new IotError('E_PROVIDER', `no connection: ${why}`));
    };
    const answered = () => isGivenUp || finish();
    const ended = () => isGivenUp || finish('it ended at once');
    const giveUp = () => {
      if (isGivenUp) return;
      isGivenUp = true;
      const why = isConnected ? 'it does not answer' : 'it does not accept one';
      const end = () => finish(why);
      leave(peripheral, isConnected).then(end, end);
    };
    const timer = setTimeout(giveUp, ACCEPT_MS);
    signal.addEventListener('abort', giveUp, { once: true });
    peripheral.once('mtu', answered);
    peripheral.connect((error) => {
      // The packages say so by themselves, before the controller has.
      if (isGivenUp) return;
      if (error !== undefined && error !== null) {
        finish(error instanceof Error ? error.message : error);
        return;
      }
      isConnected = true;
      peripheral.once('disconnect', ended);
    });
  });
}

/** It may be made in the moment in which it is given up: nobody would end it, and the kernel would take it for the next one. */
async function leave(peripheral: NoblePeripheral, isConnected: boolean): Promise<void> {
  if (!isConnected) await said(peripheral, 'connect', () => peripheral.cancelConnect?.());
  if (peripheral.state === 'connected') await said(peripheral, 'mtu');
  if (peripheral.state === 'connected') await new Connection(peripheral).close();
}

/** Resolves at the event after `begin`, at the end of the connection, or after a bounded wait. */
function said(peripheral: NoblePeripheral, event: string, begin?: () => void): Promise<void> {
  begin?.();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      peripheral.removeListener(event, done);
      peripheral.removeListener('disconnect', done);
      resolve();
    };
    const timer = setTimeout(done, SAID_MS);
    peripheral.once(event, done);
    peripheral.once('disconnect', done);
  });
}
