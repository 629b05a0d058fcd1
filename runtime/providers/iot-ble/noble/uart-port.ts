import type { EventEmitter } from 'node:events';
import type { Board } from '../../../base/board.js';
import { IotError } from '../../../base/errors.js';
import type { Noble } from './api.js';

/** The device node of a port of the board, or the path that was given. Throws E_CONFIG. */
export function portPath(port: string, ports: Board['ports']): string {
  if (port.startsWith('/')) return port;
  const found = Object.hasOwn(ports, port) ? ports[port] : undefined;
  if (found !== undefined) return found.path;
  const names = Object.keys(ports).join(', ');
  throw new IotError('E_CONFIG', `there is no serial port ${port} on this board`, {
    hint: names === '' ? 'give the path of the port: /dev/ttyUSB0' : `the ports are ${names}`,
  });
}

/** Why a port cannot be opened, and what to do; `serialport` tells errors by their text only. */
export function openProblem(path: string, { message }: Error): string {
  if (/ENOENT|no such file/i.test(message)) {
    return `there is no ${path}: plug the controller in, or switch the port on (iot-host board show)`;
  }
  if (/EACCES|permission denied/i.test(message)) {
    return `this user may not open ${path}: sudo usermod -aG dialout $USER, then log in again`;
  }
  if (/lock|busy|temporarily unavailable/i.test(message)) {
    return `${path} is in use by another program: fuser ${path} shows which`;
  }
  return `${path}: ${message}`;
}

interface Inside {
  readonly _bindings?: {
    readonly _hci?: {
      readonly _socket?: EventEmitter & { _handleReconnection?: () => Promise<void>; _serialDevice?: Port };
    };
  };
}

interface Port extends EventEmitter {
  readonly opening: boolean;
  close(): void;
}

/** Opens noble over a serial port; what goes wrong at that is told to `failed`. */
export function openUart(create: () => Noble, failed: (error: Error) => void): Noble {
  const noble = create();
  void noble.state;
  const socket = (noble as Inside)._bindings?._hci?._socket;
  const port = socket?._serialDevice;
  socket?.on('error', failed);
  // It would give up after ten seconds, and find no port that is a link: `UartRadio` does it.
  if (socket !== undefined) socket._handleReconnection = async () => {};
  const stop = noble.stop.bind(noble);
  noble.stop = () => {
    stop();
    // The package listens no more: an error of what was being written, or opened, would end the process.
    port?.on('error', () => {});
    if (port?.opening === true) port.once('open', () => port.close());
  };
  return noble;
}
