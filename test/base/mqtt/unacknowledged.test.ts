import type { IPublishPacket } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { type Stream, Unacknowledged } from '#runtime/base/mqtt/unacknowledged.js';

/** A connection that notes the message ids acknowledged on it. */
class Connection implements Stream {
  readonly acknowledged: number[] = [];
  readonly #corked: Buffer[] = [];
  pieces = 0;
  cork(): void {}
  write(bytes: Buffer): void {
    expect([bytes.length, bytes[0], bytes[1]]).toEqual([4, 0x40, 2]);
    this.acknowledged.push(bytes.readUInt16BE(2));
    this.#corked.push(bytes);
  }
  uncork(): void {
    this.pieces += 1;
  }
}

const message = (messageId: number, options: Partial<IPublishPacket> = {}): IPublishPacket => ({
  cmd: 'publish',
  topic: 't',
  payload: `${messageId}`,
  qos: 1,
  dup: false,
  retain: false,
  messageId,
  ...options,
});
const again = (messageId: number) => message(messageId, { dup: true });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function session(): { list: Unacknowledged; connect(): Connection; cut(): void } {
  let live: Connection | undefined;
  return {
    list: new Unacknowledged(() => live),
    connect: () => {
      live = new Connection();
      return live;
    },
    cut: () => {
      live = undefined;
    },
  };
}

describe('messages that are not acknowledged yet', () => {
  it('are acknowledged in the order in which they came, in one piece', async () => {
    const { list, connect } = session();
    const connection = connect();
    const [a, b, c] = [1, 2, 0xabcd].map((id) => list.add(message(id), connection));
    list.handled(b!);
    expect(connection.acknowledged).toEqual([]);
    list.handled(a!);
    expect(connection.acknowledged).toEqual([1, 2]);
    list.handled(c!);
    expect(connection.acknowledged).toEqual([1, 2, 0xabcd]);
    await turn();
    expect(connection.pieces).toBe(1);
  });

  it('are not acknowledged on another connection than the one they came on', () => {
    const { list, connect, cut } = session();
    const old = connect();
    const taken = list.add(message(1), old);
    cut();
    list.handled(taken);
    const next = connect();
    expect(list.again(again(1), next)).toBe(true);
    expect([old.acknowledged, next.acknowledged]).toEqual([[], [1]]);
    // Acknowledged, so the same number is a new message now.
    expect(list.again(again(1), connect())).toBe(false);
  });

  it('are known again while they are still being handled', () => {
    const { list, connect } = session();
    const taken = list.add(message(1), connect());
    const next = connect();
    expect(list.again(again(1), next)).toBe(true);
    expect(next.acknowledged).toEqual([]);
    list.handled(taken);
    expect(next.acknowledged).toEqual([1]);
  });

  it('are told from others with the same number', () => {
    const { list, connect } = session();
    const first = connect();
    list.add(message(1), first);
    const next = connect();
    expect(list.again(message(1), next)).toBe(false);
    expect(list.again(message(1, { dup: true, topic: 'u' }), next)).toBe(false);
    expect(list.again(message(1, { dup: true, payload: 'other' }), next)).toBe(false);
    expect(list.again(again(1), first)).toBe(false);
    expect(list.again(again(1), next)).toBe(true);
  });

  it('do not hold up later ones when the broker has forgotten them', () => {
    const { list, connect } = session();
    const old = connect();
    const [handled, running] = [list.add(message(1), old), list.add(message(2), old)];
    list.handled(handled);
    const next = connect();
    expect(list.again(message(1, { payload: 'new' }), next)).toBe(false);
    const fresh = list.add(message(1, { payload: 'new' }), next);
    list.handled(fresh);
    list.handled(running);
    expect(next.acknowledged).toEqual([1]);
  });
});
