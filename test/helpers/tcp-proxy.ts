import { connect, createServer, type Socket } from 'node:net';
import type { Cleanup } from './cleanup.js';

/** A TCP connection between two peers that can be cut, held up and slowed down; what goes to the client is counted. */
export class TcpProxy {
  /** Bytes per second towards the client; default: as fast as it goes. */
  rate = Number.POSITIVE_INFINITY;
  /** Called with each piece on its way to the client, before it is handed on. */
  onData: (data: Buffer) => void = () => {};
  connections = 0;
  private readonly pairs = new Set<readonly [Socket, Socket]>();

  private constructor(readonly port: number) {}

  /** Listens on a free port of loopback and hands everything on to `target`; ends with the test. */
  static async start(cleanup: Pick<Cleanup, 'add'>, target: number): Promise<TcpProxy> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const proxy = new TcpProxy(typeof address === 'object' && address !== null ? address.port : 0);
    server.on('connection', (client) => proxy.join(client, connect(target, '127.0.0.1')));
    cleanup.add(async () => {
      proxy.cut();
      await new Promise((resolve) => server.close(resolve));
    });
    return proxy;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Ends every connection at once, as a radio does: nobody is told. New ones may come. */
  cut(): void {
    for (const [client, target] of this.pairs) {
      client.destroy();
      target.destroy();
    }
    this.pairs.clear();
  }

  private join(client: Socket, target: Socket): void {
    this.connections++;
    const pair = [client, target] as const;
    this.pairs.add(pair);
    const end = () => {
      client.destroy();
      target.destroy();
      this.pairs.delete(pair);
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    target.setNoDelay(true);
    client.on('data', (data) => target.write(data));
    target.on('data', (data) => {
      this.onData(data);
      this.handOn(target, client, data);
    });
  }

  private handOn(from: Socket, to: Socket, data: Buffer): void {
    if (this.rate === Number.POSITIVE_INFINITY) {
      to.write(data);
      return;
    }
    // A tenth of a second's worth at a time, at least a byte.
    const size = Math.max(1, Math.floor(this.rate / 10));
    from.pause();
    to.write(data.subarray(0, size));
    setTimeout(
      () => {
        if (to.destroyed) return;
        if (data.length > size) this.handOn(from, to, data.subarray(size));
        else from.resume();
      },
      (1000 * size) / this.rate,
    );
  }
}
