import { SerialPort } from 'serialport';
import { IotError } from '../../../base/errors.js';
import type { PortGrant } from '../contract.js';
import type { OpenPort, PortEvents } from '../driver.js';
import { setExclusive } from './exclusive.js';
import { enableRs485 } from './rs485.js';

/** Opens a port for this process alone, with the settings of its binding. */
export async function openPort(path: string, settings: PortGrant, events: PortEvents): Promise<OpenPort> {
  const { baudRate, dataBits, stopBits, parity, flow, rs485 } = settings;
  const port = new SerialPort({
    ...{ path, baudRate, dataBits, stopBits, parity, autoOpen: false, lock: true },
    ...{ rtscts: flow === 'rtscts', xon: flow === 'xonxoff', xoff: flow === 'xonxoff' },
  });
  await promised((done) => port.open(done)).catch((thrown: unknown) => {
    throw openError(path, thrown as Error);
  });
  let over = false;
  const lose = (reason: string) => {
    if (over) return;
    over = true;
    events.lost(reason);
  };
  port.on('data', (bytes: Buffer) => events.data(bytes));
  port.on('close', (error?: Error | null) => lose(error ? 'unplugged' : 'closed'));
  port.on('error', (error: Error) => lose(error.message));
  const opened: OpenPort = {
    // What is written is in the kernel when the callback comes; `drain` waits for the wire.
    write: (bytes) => promised((done) => port.write(Buffer.from(bytes), undefined, done)).catch(failed(path)),
    drain: () => promised((done) => port.drain(done)).catch(failed(path)),
    pause: () => void port.pause(),
    resume: () => void port.resume(),
    async close() {
      over = true;
      if (!port.isOpen) return;
      // A terminal outlives its last user where its other end is open.
      setExclusive(fdOf(port), false);
      await promised((done) => port.close(done)).catch(() => {});
    },
  };
  try {
    setExclusive(fdOf(port), true);
    if (rs485 !== undefined) enableRs485(fdOf(port), path, rs485);
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
  return opened;
}

function fdOf(port: SerialPort): number {
  const fd = (port.port as { fd?: number | null } | undefined)?.fd;
  if (typeof fd === 'number') return fd;
  throw new IotError('E_UNAVAILABLE', `${port.path} has no descriptor to make settings on`);
}

function promised(work: (done: (error?: Error | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error ? reject(error) : resolve()));
  });
}

function failed(path: string): (thrown: unknown) => never {
  return (thrown) => {
    throw new IotError('E_PROVIDER', `${path}: ${(thrown as Error).message}`);
  };
}

/** The package tells errors by their text only. */
function openError(path: string, { message }: Error): IotError {
  if (/permission denied/i.test(message)) {
    return new IotError('E_UNAVAILABLE', `${path} may not be opened by this user`, {
      hint: 'sudo usermod -aG dialout $USER, then log in again',
    });
  }
  if (/lock|busy|temporarily unavailable/i.test(message)) {
    return new IotError('E_BUSY', `${path} is in use by another program`, {
      hint: `fuser ${path} shows which; a console on it is switched off with raspi-config`,
    });
  }
  if (/baud|invalid|unsupported/i.test(message)) {
    return new IotError('E_CONFIG', `${path} does not take these settings: ${message}`);
  }
  return new IotError('E_PROVIDER', message);
}
