import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { DEFAULT_ACTOR_LIMITS } from '#runtime/base/limits.js';
import { listDevices } from '#runtime/control/client/presence-watch.js';
import { topics } from '#runtime/control/protocol/topics.js';
import { DeviceClient } from '#runtime/index.js';
import { BROKERS } from '../helpers/broker.js';
import { Cleanup } from '../helpers/cleanup.js';
import { TestDevice, text } from '../helpers/device.js';
import { forwarder, type Heard, sink } from '../helpers/forwarder.js';
import { guestModule } from '../helpers/guest.js';
import { startHost, type TestHost } from '../helpers/host.js';
import { mosquittoMissing, type RunningBroker, startMosquitto } from '../helpers/mosquitto.js';
import { padded } from '../helpers/padded.js';
import { freePort } from '../helpers/port.js';
import { until } from '../helpers/providers.js';

const missing = mosquittoMissing();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends numbers with QoS 1, as a sensor does: what the broker has not acknowledged is said again when it is back. */
class Sensor {
  sent = 0;
  readonly #pending = new Set<string>();

  private constructor(private readonly client: MqttClient) {}

  static async connect(url: string): Promise<Sensor> {
    const client = await connectAsync(url, { reconnectPeriod: 100 });
    const sensor = new Sensor(client);
    client.on('connect', () => {
      for (const number of sensor.#pending) sensor.#publish(number);
    });
    cleanup.add(() => client.endAsync(true));
    return sensor;
  }

  /** `count` new numbers every 10 ms, until the result is called. */
  start(count: number): () => void {
    const timer = setInterval(() => {
      for (let n = 0; n < count; n++) {
        const number = String(this.sent++);
        this.#pending.add(number);
        if (this.client.connected) this.#publish(number);
      }
    }, 10);
    cleanup.add(() => clearInterval(timer));
    return () => clearInterval(timer);
  }

  #publish(number: string): void {
    this.client.publish('home/a/state', number, { qos: 1 }, (error) => {
      if (!error) this.#pending.delete(number);
    });
  }
}

/** An actor that listens to `home/+/state`, and what it heard. */
async function listening(url: string): Promise<{ host: TestHost['host']; heard: Heard[] }> {
  const { contract, heard } = sink();
  const bindings = [{ contract: 'iot:mqtt', subscribe: ['home/+/state'] }, { contract: 'test:sink' }];
  const config = {
    providers: [{ contract: 'iot:mqtt', url }],
    actors: [{ name: 'listener', limits: { deadlineMs: 5_000 }, bindings }],
  };
  const running = await startHost(config, { listener: forwarder('home/+/state') }, undefined, [contract]);
  cleanup.add(() => running.stop());
  return { host: running.host, heard };
}

/** A Mosquitto that can be ended and started again on the same port. */
class RestartableBroker {
  #running: RunningBroker | undefined;

  private constructor(
    readonly port: number,
    private readonly keepIn: string | undefined,
  ) {}

  static async start(keep: 'keeps sessions' | 'keeps nothing'): Promise<RestartableBroker> {
    let folder: string | undefined;
    if (keep === 'keeps sessions') {
      folder = await mkdtemp(join(tmpdir(), 'iot-broker-'));
      const made = folder;
      cleanup.add(() => rm(made, { recursive: true, force: true }));
    }
    const broker = new RestartableBroker(await freePort(), folder);
    cleanup.add(() => broker.end('stop'));
    await broker.start();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const config = ['max_queued_messages 0', 'max_inflight_messages 100'];
    const keep = this.keepIn === undefined ? {} : { keepIn: this.keepIn };
    this.#running = await startMosquitto({ port: this.port, config, ...keep });
  }

  async end(how: 'stop' | 'kill'): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.[how]();
  }
}

describe.skipIf(missing !== undefined)('a broker that goes away', () => {
  it('under load and comes back, twice: every QoS 1 message reaches the actor', async () => {
    const broker = await RestartableBroker.start('keeps sessions');
    const { host, heard } = await listening(broker.url);
    const sensor = await Sensor.connect(broker.url);
    const stop = sensor.start(5);
    for (let round = 0; round < 2; round++) {
      const before = heard.length;
      await until(() => heard.length > before + 100, 'messages on their way');
      await broker.end('stop');
      const { sent } = sensor;
      await until(() => sensor.sent > sent + 100, 'messages that nobody takes');
      await broker.start();
    }
    const before = heard.length;
    await until(() => heard.length > before + 100, 'messages after that');
    stop();
    const { sent } = sensor;
    const got = () => new Set(heard.map(({ payload }) => text(payload)));
    await until(() => got().size === sent, `all of ${sent} messages`, 15_000);
    // At least once: what comes again is what one side could not know the other to have.
    expect(heard.length).toBeLessThan(2 * sent);
    expect(host.actors()).toMatchObject([{ state: 'running', failed: 0, restarts: 0 }]);
    expect(host.problems()).toEqual([]);
  }, 40_000);

  it.each(['keeps sessions', 'keeps nothing'] as const)(
    'while a module is being fetched: the push goes on when it is back (it %s)',
    async (keep) => {
      const broker = await RestartableBroker.start(keep);
      const device = await TestDevice.start(cleanup, {
        config: { broker: broker.url, providers: [], actors: [{ name: 'guest' }] },
      });
      const version = (rev: number) => {
        const bytes = padded(guestModule({ version: `${rev}` }).bytes, 1_500_000);
        return device.keys.sign(bytes, { name: 'guest', rev });
      };
      await device.install('guest', version(1));
      let death: Promise<void> | undefined;
      const pushing = device.push('guest', version(2), {
        timeoutMs: 30_000,
        onProgress: (progress) => {
          if (progress.state === 'fetching') death ??= broker.end('kill');
        },
      });
      await until(() => death !== undefined, 'the middle of the fetch');
      await death;
      // Without its broker the device does what it did.
      expect(text(await device.running.host.call('guest', 'Version', new Uint8Array(0)))).toBe('1');
      expect(device.running.problems().join()).not.toBe('');
      await pause(500);
      await broker.start();
      expect(await pushing).toMatchObject({ end: 'active' });
      expect(text(await device.call('guest', 'Version'))).toBe('2');
      await expect.poll(() => device.readyz(), { timeout: 10_000 }).toBe(200);
    },
    60_000,
  );
});

describe.each(BROKERS)('over $name', ({ start, missing: why }) => {
  it.skipIf(why !== undefined)(
    '100 devices have left their retained messages: a new one starts, is found, and is updated',
    async () => {
      const broker = await start();
      cleanup.add(() => broker.stop());
      const others = await connectAsync(broker.url);
      const names = Array.from({ length: 100 }, (_, n) => `other-${String(n).padStart(3, '0')}`);
      for (const name of names) {
        const presence = { v: 1, state: 'online', device: name, session: 1, version: '0.1.0', board: 'sim' };
        const retained: [string, string][] = [
          [topics.presence(name), JSON.stringify({ ...presence, labels: {}, actors: [] })],
          [topics.state(name, 'guest'), '{"v":1}'],
          [topics.desired(name, 'guest'), 'not for you'],
          [`home/${name}/state`, name],
        ];
        for (const [topic, payload] of retained)
          await others.publishAsync(topic, payload, { retain: true, qos: 1 });
      }
      await others.endAsync();

      const device = await TestDevice.start(cleanup, {
        config: { broker: broker.url, providers: [], actors: [{ name: 'guest' }] },
      });
      const found = (await listDevices(device.client.link)).map((presence) => presence.device);
      expect(found).toEqual([...names, 'pi-01'].sort());
      await device.install('guest', device.keys.sign(guestModule().bytes, { name: 'guest' }));
      expect(await device.readyz()).toBe(200);
      const lost = await DeviceClient.connect({ url: broker.url, device: 'nobody' });
      cleanup.add(() => lost.close());
      await expect(lost.presence(500)).rejects.toMatchObject({
        code: 'E_DEVICE_NOT_FOUND',
        message: expect.stringContaining('and 96 more'),
      });

      // An actor that asked for them all gets each of them once, and knows that they are old.
      const { heard } = await listening(broker.url);
      await until(() => heard.length >= 100, 'the retained messages');
      expect(heard.map(({ payload }) => text(payload)).sort()).toEqual(names);
      expect(heard.every(({ retain }) => retain)).toBe(true);
    },
    40_000,
  );

  it.skipIf(why !== undefined)(
    'a message may be empty and as large as the actor takes; one byte more fails that message only',
    async () => {
      const broker = await start();
      cleanup.add(() => broker.stop());
      const { host, heard } = await listening(broker.url);
      const sender = await connectAsync(broker.url);
      cleanup.add(() => sender.endAsync(true));
      const topic = 'home/a/state';
      const message = (size: number) => ({ topic, payload: new Uint8Array(size), qos: 1, retain: false });
      const { payloadBytes } = DEFAULT_ACTOR_LIMITS;
      const around = encodePayload('cbor', message(payloadBytes)).length - payloadBytes;
      const sizes = [0, 1, payloadBytes - around, payloadBytes - around + 1, 2];
      for (const size of sizes) await sender.publishAsync(topic, Buffer.alloc(size, 7), { qos: 1 });
      await until(() => heard.at(-1)?.payload.length === 2, 'the last message');
      expect(heard.map(({ payload }) => payload.length)).toEqual([0, 1, payloadBytes - around, 2]);
      expect(heard[2]?.payload.every((byte) => byte === 7)).toBe(true);
      expect(host.actors()).toMatchObject([{ state: 'running', failed: 1, restarts: 0 }]);
    },
  );
});
