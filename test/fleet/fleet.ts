import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listDevices } from '#runtime/control/client/presence-watch.js';
import { BrokerLink } from '#runtime/control/mqtt/link.js';
import type { Presence } from '#runtime/control/protocol/messages.js';
import { readTrustDocument } from '#runtime/trust/document/signed.js';
import { emptyHome, inProcess } from '../cli/iot-host.js';
import { digestOf, until } from '../control/fixture.js';
import type { Cleanup } from '../helpers/cleanup.js';
import { TestKeys } from '../helpers/keys.js';
import { type RunningBroker, startMosquitto } from '../helpers/mosquitto.js';
import { padded } from '../helpers/padded.js';
import { SimDevice } from '../helpers/sim-device.js';
import { wat } from '../helpers/wat.js';

/** Devices in the fleet; those of every tenth stand on the roof. */
export const SIZE = 200;
/** Bytes of a module, about, and the chunks that it comes in. */
const MODULE_BYTES = 60_000;
export const CHUNKS = 4;

export interface Pushed {
  readonly code: number | null;
  readonly stderr: string;
  readonly devices: readonly { device: string; outcome: string; error?: { code: string; message: string } }[];
  readonly waves: readonly { number: number; size: number; ok: number; failed: number; unreached: number }[];
  readonly stopped?: string;
  readonly seconds: number;
}

/** Many simulated devices at one Mosquitto, somebody with the keys at the command line, and somebody who watches. */
export class Fleet {
  readonly keys = new TestKeys();
  readonly devices: SimDevice[] = [];
  /** Messages that the broker handed to the one who watches it all. */
  messages = 0;
  /** Chunks that were left with the broker, those of them that lie there, and times that they were. */
  readonly lying = new Set<string>();
  left = 0;
  #watcher: BrokerLink | undefined;

  private constructor(
    private broker: RunningBroker,
    private readonly place: { home: string; env: Record<string, string> },
    /** Where the broker keeps what it is to keep over a restart. */
    private readonly memory: string,
  ) {}

  static async start(cleanup: Cleanup): Promise<Fleet> {
    const memory = await mkdtemp(join(tmpdir(), 'iot-fleet-'));
    const broker = await startMosquitto({ keepIn: memory });
    const place = await emptyHome();
    const fleet = new Fleet(broker, place, memory);
    cleanup.add(async () => {
      await Promise.all(fleet.devices.map((device) => device.off()));
      await fleet.#watcher?.close();
      await fleet.broker.stop();
      await rm(memory, { recursive: true, force: true });
      await rm(place.home, { recursive: true, force: true });
    });
    await fleet.keys.save(join(place.home, 'keys'));
    Object.assign(place.env, { IOT_HOST_BROKER: broker.url, IOT_HOST_KEYS: join(place.home, 'keys') });
    await fleet.#watch();
    const trust = readTrustDocument(fleet.keys.trustDocument());
    for (let n = 0; n < SIZE; n++) {
      const site = n % 10 === 0 ? 'roof' : 'hall';
      const name = `d-${String(n).padStart(3, '0')}`;
      fleet.devices.push(await SimDevice.start({ url: broker.url, name, trust, labels: { site } }));
    }
    await until(() => fleet.devices.every(({ agent }) => agent.connected), 'everybody is on', 60_000);
    return fleet;
  }

  async #watch(): Promise<void> {
    const watcher = new BrokerLink({ url: this.broker.url, clientId: 'watcher' });
    await watcher.open();
    this.#watcher = watcher;
    await watcher.subscribe('#', ({ topic, payload }) => {
      this.messages++;
      if (!topic.startsWith('iot/blobs/')) return;
      if (payload.length === 0) this.lying.delete(topic);
      else {
        this.lying.add(topic);
        this.left++;
      }
    });
  }

  /** A signed module on the disk of whoever pushes. `name`: how it behaves (`MemoryTarget`). */
  async module(file: string, name: string, rev: number): Promise<string> {
    const plain = padded(wat(`(module (memory (export "memory") ${rev}))`), MODULE_BYTES);
    const module = this.keys.sign(plain, { name, rev, module: this.keys.moduleKey('blink') });
    await writeFile(join(this.place.home, file), module);
    return digestOf(module);
  }

  /** `iot-host push FILE --name blink …`, as somebody types it, twenty devices at a time. */
  async push(file: string, ...args: string[]): Promise<Pushed> {
    const began = performance.now();
    const line = [
      'push',
      join(this.place.home, file),
      '--name',
      'blink',
      '--max-parallel',
      '20',
      '--json',
      ...args,
    ];
    const { code, stdout, stderr } = await inProcess(line, this.place);
    const seconds = (performance.now() - began) / 1000;
    const { data, error } = JSON.parse(stdout);
    if (data === undefined) throw new Error(`push failed: ${JSON.stringify(error)}`);
    return { code, stderr, seconds, ...data };
  }

  /**
   * The broker goes without a word to anybody and is there again after `ms`. Resolves when all devices are back, with
   * the milliseconds between the first and each of them, rising.
   */
  async restartBroker(ms: number): Promise<number[]> {
    const back = new Map<SimDevice, number>();
    await this.broker.stop();
    await until(() => this.devices.every(({ agent }) => !agent.connected), 'everybody has noticed');
    await new Promise((resolve) => setTimeout(resolve, ms));
    const starting = startMosquitto({ port: this.broker.port, keepIn: this.memory });
    const look = () => {
      for (const device of this.devices) {
        if (device.agent.connected && !back.has(device)) back.set(device, performance.now());
      }
      return back.size === this.devices.length;
    };
    await until(look, 'everybody is back', 60_000);
    this.broker = await starting;
    const [first = 0, ...later] = [...back.values()].sort((a, b) => a - b);
    return [0, ...later.map((at) => at - first)];
  }

  /** What the broker would tell somebody who comes now. */
  presences(): Promise<Presence[]> {
    if (this.#watcher === undefined) throw new Error('nobody watches');
    return listDevices(this.#watcher);
  }

  /** How many devices run which module in the slot. */
  running(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { target } of this.devices) {
      const digest = target.running.get('blink')?.digest ?? 'none';
      counts[digest] = (counts[digest] ?? 0) + 1;
    }
    return counts;
  }
}
