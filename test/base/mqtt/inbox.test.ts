import type { IPublishPacket } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { Inbox } from '#runtime/base/mqtt/inbox.js';

const packet = (topic: string): IPublishPacket => ({
  cmd: 'publish',
  topic,
  payload: topic,
  qos: 1,
  dup: false,
  retain: false,
});
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** An actor whose calls end when the test says so. */
class Actor {
  readonly got: string[] = [];
  readonly lines: string[] = [];
  refuse: ((topic: string) => boolean) | undefined;
  readonly #running = new Map<string, { resolve(): void; reject(error: Error): void }>();
  readonly inbox = new Inbox((message) => this.#handle(message.topic), {
    allows: (topic) => topic !== 'secret',
    dropped: (topic, why) => this.lines.push(`${topic} ${why}`),
    failed: (topic, why) => this.lines.push(`${topic} ${why}`),
  });

  #handle(topic: string): Promise<void> {
    if (this.refuse?.(topic) === true) return Promise.reject(new IotError('E_QUEUE_FULL', 'full'));
    this.got.push(topic);
    return new Promise((resolve, reject) => this.#running.set(topic, { resolve, reject }));
  }

  async ends(topic: string, error?: Error): Promise<void> {
    const call = this.#running.get(topic);
    if (error === undefined) call?.resolve();
    else call?.reject(error);
    await turn();
  }
}

describe('an inbox', () => {
  it('hands over several, and tells of each when it was handled', async () => {
    const actor = new Actor();
    const handled: string[] = [];
    for (const topic of ['a', 'b', 'c'])
      void actor.inbox.take(packet(topic)).then((ok) => handled.push(`${topic} ${ok}`));
    expect(actor.got).toEqual(['a', 'b', 'c']);
    await actor.ends('b');
    await actor.ends('a');
    expect(handled).toEqual(['b true', 'a true']);
  });

  it('is full at 32, and has room again when one was handled', async () => {
    const busy = new Actor();
    for (let i = 0; i < 31; i++) void busy.inbox.take(packet(`m${i}`));
    expect(busy.inbox.full).toBe(false);
    void busy.inbox.take(packet('m31'));
    expect(busy.inbox.full).toBe(true);
    const room = busy.inbox.room().then(() => 'room');
    expect(await Promise.race([room, turn().then(() => 'none')])).toBe('none');
    await busy.ends('m7');
    expect(await room).toBe('room');
    expect(busy.inbox.full).toBe(false);
  });

  it('keeps the order over refusals, also of one that was refused after its successor', async () => {
    const actor = new Actor();
    void actor.inbox.take(packet('a'));
    actor.refuse = () => true;
    void actor.inbox.take(packet('b'));
    await turn();
    void actor.inbox.take(packet('c'));
    // The actor is stopped with "a" in its queue.
    await actor.ends('a', new IotError('E_NOT_RUNNING', 'stopped'));
    actor.refuse = undefined;
    for (const [index, topic] of ['a', 'b', 'c'].entries()) {
      await expect.poll(() => actor.got.slice(1)[index]).toBe(topic);
      await actor.ends(topic);
    }
    expect(actor.got).toEqual(['a', 'a', 'b', 'c']);
    void actor.inbox.take(packet('d'));
    expect(actor.got.at(-1)).toBe('d');
  });

  it('counts as handled what failed and what is not granted, and says why', async () => {
    const actor = new Actor();
    expect(await actor.inbox.take(packet('secret'))).toBe(true);
    const failing = actor.inbox.take(packet('a'));
    await actor.ends('a', new IotError('E_GUEST', 'no'));
    expect(await failing).toBe(true);
    expect(actor.lines).toEqual(['secret not granted', 'a no']);
    expect(actor.got).toEqual(['a']);
  });

  it('closes: waits for what the actor has, gives up what waits, takes nothing more', async () => {
    const actor = new Actor();
    const running = actor.inbox.take(packet('a'));
    actor.refuse = () => true;
    const waiting = actor.inbox.take(packet('b'));
    await turn();
    const closed = actor.inbox.close(5_000);
    expect(await waiting).toBe(false);
    expect(await actor.inbox.take(packet('c'))).toBe(false);
    await actor.ends('a');
    await closed;
    expect(await running).toBe(true);
  });

  it('closes in bounded time when the actor does not end', async () => {
    const actor = new Actor();
    void actor.inbox.take(packet('a'));
    await actor.inbox.close(10);
    expect(actor.inbox.full).toBe(true);
  });
});
