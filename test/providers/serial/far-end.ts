import { SerialPort } from 'serialport';

/** The far end of a cable, in the test's hand. */
export class FarEnd {
  readonly #received: Buffer[] = [];

  private constructor(private readonly port: SerialPort) {
    port.on('data', (bytes: Buffer) => this.#received.push(bytes));
    port.on('error', () => {});
  }

  static async open(path: string): Promise<FarEnd> {
    const port = new SerialPort({ path, baudRate: 115_200, autoOpen: false });
    await promised((done) => port.open(done));
    return new FarEnd(port);
  }

  async send(bytes: Uint8Array): Promise<void> {
    await promised((done) => this.port.write(Buffer.from(bytes), undefined, done));
  }

  /** What has come since this was asked last. */
  received(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#received.splice(0)));
  }

  async close(): Promise<void> {
    if (this.port.isOpen) await promised((done) => this.port.close(done));
  }
}

function promised(work: (done: (error?: Error | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error ? reject(error) : resolve()));
  });
}
