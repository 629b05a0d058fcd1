import { connectAsync, type MqttClient } from 'mqtt';

/** Messages a second. */
const RATE = 1_100;
/** How often a bunch of them goes out. */
const TICK_MS = 10;
/** How long the last answers may take. */
const PATIENCE_MS = 20_000;

export interface LoadResult {
  /** Messages sent a second, counted. */
  rate: number;
  sent: number;
  handled: number;
  lost: number;
  duplicated: number;
  /** Longest time between two answers, in milliseconds. */
  longestPauseMs: number;
}

/**
 * Sends numbered messages to the actor `counter` and listens to what it says of each. A number that never comes back
 * is lost, one that comes twice is a duplicate.
 */
export class Load {
  readonly #sender: MqttClient;
  readonly #listener: MqttClient;
  readonly #answers = new Map<number, number>();
  #sent = 0;
  #startedAt = 0;
  #longestPauseMs = 0;
  #lastAnswerAt = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    sender: MqttClient,
    listener: MqttClient,
    private readonly rate: number,
  ) {
    this.#sender = sender;
    this.#listener = listener;
  }

  /** `rate`: messages a second. */
  static async connect(url: string, rate: number = RATE): Promise<Load> {
    const load = new Load(await connectAsync(url), await connectAsync(url), rate);
    for (const client of [load.#sender, load.#listener]) noDelay(client);
    load.#listener.on('message', (_topic, payload) => load.#answer(payload.toString()));
    await load.#listener.subscribeAsync('home/counter/state', { qos: 1 });
    return load;
  }

  start(): void {
    this.#startedAt = performance.now();
    this.#lastAnswerAt = this.#startedAt;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - this.#startedAt) * this.rate) / 1000);
      while (this.#sent < due) this.#sender.publish('home/cmd/count', String(this.#sent++), { qos: 1 });
    }, TICK_MS);
  }

  /** Messages that were answered so far. */
  get answered(): number {
    return this.#answers.size;
  }

  /** Messages sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Stops sending, waits for the answers and counts. */
  async finish(): Promise<LoadResult> {
    clearInterval(this.#timer);
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const until = performance.now() + PATIENCE_MS;
    while (this.#answers.size < this.#sent && performance.now() < until) await pause(20);
    // A duplicate would come after the answer that it repeats.
    await pause(300);
    await Promise.all([this.#sender.endAsync(), this.#listener.endAsync()]);
    const total = [...this.#answers.values()].reduce((sum, times) => sum + times, 0);
    return {
      rate: Math.round(this.#sent / seconds),
      sent: this.#sent,
      handled: this.#answers.size,
      lost: this.#sent - this.#answers.size,
      duplicated: total - this.#answers.size,
      longestPauseMs: Math.round(this.#longestPauseMs * 10) / 10,
    };
  }

  #answer(text: string): void {
    const number = Number.parseInt(text, 10);
    this.#answers.set(number, (this.#answers.get(number) ?? 0) + 1);
    const now = performance.now();
    this.#longestPauseMs = Math.max(this.#longestPauseMs, now - this.#lastAnswerAt);
    this.#lastAnswerAt = now;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** mqtt.js has no option for it: small acknowledgements would wait for each other. */
function noDelay(client: MqttClient): void {
  const { stream } = client as unknown as { stream: { setNoDelay?(on: boolean): void } };
  stream.setNoDelay?.(true);
}
