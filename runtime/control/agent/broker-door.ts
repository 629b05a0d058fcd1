import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { isLoopback } from '../mqtt/address.js';

/** Certificate and private key, PEM. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
}

/** First byte of a TLS connection: a handshake record (RFC 8446, 5.1). An MQTT one begins with 0x10. */
const TLS_HANDSHAKE = 0x16;
/** A connection must have said its first byte, and a TLS one must be set up, within this many milliseconds. */
const HANDSHAKE_MS = 10_000;
const MAX_CONNECTIONS = 1_024;

export type Visitor = (socket: Socket, secure: boolean) => void;

/**
 * The one port of the embedded broker. Without TLS everything on it is MQTT. With TLS whoever is on this machine may
 * still speak plainly, as on loopback; everybody else speaks TLS or is cut off. Throws E_CONFIG for a bad certificate.
 */
export function brokerDoor(tls: ServerTls | undefined, visit: Visitor, logger: Logger): Server {
  const secure = tls === undefined ? undefined : tlsServer(tls, visit, logger);
  const door = createServer({ noDelay: true }, (socket) => {
    // Until somebody else listens: a visitor may be gone before it has said anything.
    socket.on('error', () => socket.destroy());
    if (secure === undefined) {
      visit(socket, false);
      return;
    }
    socket.setTimeout(HANDSHAKE_MS, () => socket.destroy());
    socket.once('readable', () => {
      const first = socket.read(1) as Buffer | null;
      if (first === null) return;
      socket.unshift(first);
      socket.setTimeout(0);
      if (first[0] === TLS_HANDSHAKE) secure.emit('connection', socket);
      // Not at once: until this listener is off the stream, the next one is not told of what is there already.
      else if (isSameMachine(socket)) setImmediate(() => visit(socket, false));
      else socket.destroy();
    });
  });
  door.maxConnections = MAX_CONNECTIONS;
  return door;
}

/** The kernel takes no packet from outside that claims an address of this machine, so the addresses tell. */
export function isSameMachine(socket: Pick<Socket, 'remoteAddress' | 'localAddress'>): boolean {
  const plain = (address: string | undefined) => address?.replace(/^::ffff:/, '');
  const remote = plain(socket.remoteAddress);
  return remote !== undefined && (isLoopback(remote) || remote === plain(socket.localAddress));
}

function tlsServer(tls: ServerTls, visit: Visitor, logger: Logger): TlsServer {
  try {
    const server = createTlsServer(
      { ...tls, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MS },
      (socket) => visit(socket, true),
    );
    server.on('tlsClientError', (error: Error) => logger.debug(`embedded broker, TLS: ${error.message}`));
    return server;
  } catch (thrown) {
    const why = (thrown as NodeJS.ErrnoException).code ?? 'not PEM';
    throw new IotError('E_CONFIG', `certificate and key of the embedded broker cannot be used: ${why}`, {
      hint: 'brokerTls names two PEM files that belong together',
      cause: thrown,
    });
  }
}
