import { randomBytes } from 'node:crypto';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { IotError } from '../../base/errors.js';
import { INBOX } from './contract.js';

/** The device's own inbox on one connection: matches answers with the requests that wait for them. */
export class Requester {
  readonly #prefix: string;
  readonly #waiting = new Map<string, { answer(body: Uint8Array): void; fail(error: IotError): void }>();
  #subscribed: Promise<void> | undefined;

  constructor(device: string) {
    this.#prefix = `${INBOX}/${device}/${randomBytes(8).toString('hex')}`;
  }

  /** Listens on a client before it connects. */
  attach(client: MqttClient): void {
    client.on('message', (topic: string, payload: Buffer, _packet: IPublishPacket) => {
      this.#waiting.get(topic)?.answer(new Uint8Array(payload));
    });
    client.on('close', () => {
      this.#subscribed = undefined;
    });
  }

  /**
   * Has `send` publish with a response topic of its own, and waits for the answer. Throws E_TIMEOUT after `timeoutMs`,
   * E_PROVIDER when the broker refuses the inbox, or what `send` throws.
   */
  async request(
    client: MqttClient,
    subject: string,
    timeoutMs: number,
    send: (responseTopic: string) => Promise<void>,
  ): Promise<Uint8Array> {
    const topic = `${this.#prefix}/${randomBytes(16).toString('hex')}`;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Uint8Array>((resolve, reject) => {
        this.#waiting.set(topic, { answer: resolve, fail: reject });
        timer = setTimeout(
          () => reject(new IotError('E_TIMEOUT', `no answer on ${subject} within ${timeoutMs} ms`)),
          timeoutMs,
        );
        this.#listen(client)
          .then(() => send(topic))
          .catch(reject);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(topic);
    }
  }

  /** Whoever still waits gets E_PROVIDER. */
  close(): void {
    const error = new IotError('E_PROVIDER', 'wascc:messaging was stopped before an answer came');
    for (const { fail } of this.#waiting.values()) fail(error);
  }

  #listen(client: MqttClient): Promise<void> {
    this.#subscribed ??= new Promise<void>((resolve, reject) => {
      const filter = `${this.#prefix}/+`;
      client.subscribe(filter, { qos: 1 }, (error, granted) => {
        if (!error && granted?.every(({ qos }) => qos < 128)) {
          resolve();
          return;
        }
        this.#subscribed = undefined;
        reject(
          new IotError('E_PROVIDER', `the broker refuses a subscription to ${filter}`, { cause: error }),
        );
      });
    });
    return this.#subscribed;
  }
}
