import { mkdtemp, rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload } from '#runtime/base/codec.js';
import { checkedActor } from '../../helpers/actors.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { startHost, type TestHost } from '../../helpers/host.js';
import { until } from '../../helpers/providers.js';
import { PtyCable } from './pty.js';

const MIB = 1024 * 1024;
const IN_FLIGHT = 2_048;
/** Of a binding that does not say it, in bytes. */
const MAX_FRAME = 4_096;
const cleanup = new Cleanup();
let cable: PtyCable;
let device: TestHost;

beforeEach(async () => {
  const folder = await mkdtemp('/dev/shm/iot-serial-');
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  cable = new PtyCable(folder, 'meter');
  await cable.plug();
  cleanup.add(() => cable.unplug());
  const framing = { delimiter: '\n' };
  const bindings = [{ contract: 'iot:serial', ports: { meter: { baudRate: 115_200, framing } } }];
  const providers = [{ contract: 'iot:serial', use: 'serialport', ports: { meter: { path: cable.near } } }];
  const limits = { deadlineMs: 30_000 };
  device = await startHost(
    { providers, actors: [{ name: 'tally', bindings, limits }] },
    { tally: checkedActor('probe-serial', ['iot:serial']) },
  );
  cleanup.add(() => device.stop());
  await reaches('opened', 1);
});
afterEach(() => cleanup.run());

async function tally() {
  const reply = await device.host.call('tally', 'Tally', new Uint8Array(0));
  const [frames, bytes, hash, opened, closed] = decodePayload('cbor', reply) as number[];
  return { frames: frames!, bytes: bytes!, hash: hash!, opened: opened!, closed: closed! };
}

/** Asks until the actor has been told so often. */
async function reaches(what: 'frames' | 'opened' | 'closed', count: number): Promise<void> {
  let seen = -1;
  let asking: Promise<void> | undefined;
  await until(
    () => {
      asking ??= tally().then((now) => {
        seen = now[what];
        asking = undefined;
      });
      return seen >= count;
    },
    `${what} ${count}`,
    60_000,
  );
  await asking;
  expect(seen).toBe(count);
}

/** FNV-1a, as the actor counts it. */
function fnv(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** The same numbers each time. */
function dice(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Each byte value but the line end's. */
function noise(length: number, random: (below: number) => number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) {
    const byte = random(255);
    bytes[at] = byte < 0x0a ? byte : byte + 1;
  }
  return bytes;
}

/** 1 MiB in frames of 0 to 2000 bytes. */
function frames(): Buffer[] {
  const random = dice();
  const made: Buffer[] = [];
  for (let left = MIB; left > 0; ) {
    const length = Math.min(random(2_001), left);
    made.push(noise(length, random));
    left -= length;
  }
  return made;
}

const line = (frame: Uint8Array) => Buffer.concat([frame, Buffer.of(0x0a)]);

describe('an actor on a serial port', () => {
  it('gets 1 MiB in frames, sent as fast as it goes, and nothing is lost', { timeout: 120_000 }, async () => {
    const sent = frames();
    await cable.send(Buffer.concat(sent.map(line)));
    await reaches('frames', sent.length);
    const { bytes, hash } = await tally();
    expect([bytes, hash]).toEqual([MIB, fnv(Buffer.concat(sent))]);
  });

  it('gets every good frame of a line with garbage on it, and nothing of that', {
    timeout: 120_000,
  }, async () => {
    const random = dice();
    const good: Buffer[] = [];
    const sent: Buffer[] = [];
    for (let round = 0; round < 300; round++) {
      // Longer than the longest frame that the binding takes.
      if (random(3) === 0) sent.push(line(noise(MAX_FRAME + 1 + random(4 * MAX_FRAME), random)));
      const frame = noise(random(MAX_FRAME + 1), random);
      good.push(frame);
      sent.push(line(frame));
    }
    await cable.send(Buffer.concat([...sent, Buffer.from('half a frame')]));
    await reaches('frames', good.length);
    const { bytes, hash } = await tally();
    const whole = Buffer.concat(good);
    expect([bytes, hash]).toEqual([whole.length, fnv(whole)]);
    expect(sent.length).toBeGreaterThan(good.length + 50);
  });

  it('sends 1 MiB back, frame by frame, and nothing is lost', { timeout: 120_000 }, async () => {
    await device.host.call('tally', 'Echo', new Uint8Array(0));
    const sent = frames().map(line);
    const back: Uint8Array[] = [];
    let ahead = 0;
    const collect = async () => {
      const some = await cable.received();
      if (some.length > 0) back.push(some);
      ahead -= some.length;
    };
    for (const one of sent) {
      // Between ptys both directions go through one blocking pipe: more than it holds must not be under way.
      while (ahead > IN_FLIGHT) await collect();
      await cable.send(one);
      ahead += one.length;
    }
    while (ahead > 0) await collect();
    expect(Buffer.concat(back).equals(Buffer.concat(sent))).toBe(true);
  });

  it('is told each of 50 unplugs and replugs, and works after each', { timeout: 180_000 }, async () => {
    for (let round = 1; round <= 50; round++) {
      await cable.unplug();
      await reaches('closed', round);
      await cable.plug();
      await reaches('opened', round + 1);
      // Half a frame that the next unplug cuts off never becomes one.
      await cable.send(Buffer.from(`round ${round}\nhal`));
      await reaches('frames', round);
    }
    const whole = Array.from({ length: 50 }, (_, index) => `round ${index + 1}`).join('');
    expect((await tally()).hash).toBe(fnv(Buffer.from(whole)));
  });
});
