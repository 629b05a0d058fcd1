import { mkdtemp, rm } from 'node:fs/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { SimulatedBle } from '#runtime/providers/iot-ble/sim.js';
import { SimulatedGpio } from '#runtime/providers/iot-gpio/sim.js';
import type { Cleanup } from '../../helpers/cleanup.js';
import { TestDevice } from '../../helpers/device.js';
import { type RunningBroker, startMosquitto } from '../../helpers/mosquitto.js';
import { until } from '../../helpers/providers.js';
import { PtyCable } from '../../providers/serial/pty.js';
import { actorReadme, type ReadmeConfig } from './readme.js';

/** Milliseconds for anything that has to happen on a busy machine. */
const PATIENCE_MS = 20_000;

export interface RealActorOptions {
  /** Default: as the README has it. */
  readonly config?: ReadmeConfig;
  /** Default: what the README signs for. */
  readonly caps?: readonly string[];
}

interface Heard {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

/**
 * An actor as a person has it: signed and pushed to a device that is configured as its README says, over a Mosquitto.
 * Pins and radio are simulated, serial ports are cables of two pseudo terminals, everybody else is at the broker.
 */
export class RealActor {
  readonly heard: Heard[] = [];
  #rev = 0;

  private constructor(
    readonly name: string,
    readonly device: TestDevice,
    readonly client: MqttClient,
    readonly cables: ReadonlyMap<string, PtyCable>,
    private readonly caps: readonly string[],
    private broker: RunningBroker,
  ) {
    client.on('error', () => {});
    client.on('message', (topic, payload, { retain }) =>
      this.heard.push({ topic, payload: payload.toString(), retain }),
    );
  }

  /** Its device, without the actor yet. */
  static async prepare(
    cleanup: Cleanup,
    name: string,
    { config, caps }: RealActorOptions = {},
  ): Promise<RealActor> {
    const readme = actorReadme(name);
    const { providers = [], actors } = config ?? readme.config;
    const broker = await startMosquitto();
    const contracts = actors.flatMap(({ bindings }) => bindings.map(({ contract }) => contract));
    const cables = new Map<string, PtyCable>();
    const ports: Record<string, { path: string }> = {};
    for (const port of portsOf(actors)) {
      const folder = await mkdtemp('/dev/shm/iot-actor-');
      cleanup.add(() => rm(folder, { recursive: true, force: true }));
      const cable = new PtyCable(folder, port);
      await cable.plug();
      cleanup.add(() => cable.unplug());
      cables.set(port, cable);
      ports[port] = { path: cable.near };
    }
    cleanup.add(() => broker.kill());
    const device = await TestDevice.start(cleanup, {
      config: {
        broker: broker.url,
        actors,
        providers: [
          ...providers.filter(({ contract }) => contract !== 'iot:serial'),
          ...(cables.size === 0 ? [] : [{ contract: 'iot:serial', use: 'serialport', ports }]),
          ...(contracts.includes('iot:ble') ? [{ contract: 'iot:ble', use: 'sim' }] : []),
        ],
      },
    });
    const client = await connectAsync(broker.url, { reconnectPeriod: 100 });
    cleanup.add(() => client.endAsync(true));
    const actor = new RealActor(name, device, client, cables, caps ?? readme.caps, broker);
    await client.subscribeAsync('home/#', { qos: 1 });
    return actor;
  }

  static async start(cleanup: Cleanup, name: string, options: RealActorOptions = {}): Promise<RealActor> {
    const actor = await RealActor.prepare(cleanup, name, options);
    await actor.push();
    return actor;
  }

  /** Signs its next version and pushes it; it is active afterwards. */
  async push(): Promise<void> {
    this.#rev += 1;
    const { name, caps } = this;
    await this.device.install(name, this.device.keys.sign(name, { name, rev: this.#rev, caps }));
  }

  get gpio(): SimulatedGpio {
    const { provider } = this.device.running.host.providers.get('iot:gpio');
    if (provider instanceof SimulatedGpio) return provider;
    throw new Error('the pins are not simulated');
  }

  get ble(): SimulatedBle {
    const { provider } = this.device.running.host.providers.get('iot:ble');
    if (provider instanceof SimulatedBle) return provider;
    throw new Error('the radio is not simulated');
  }

  get cable(): PtyCable {
    const [cable] = this.cables.values();
    if (cable === undefined) throw new Error(`${this.name} has no port`);
    return cable;
  }

  /** Somebody at the broker says something. */
  async say(topic: string, payload: string, retain = false): Promise<void> {
    await this.client.publishAsync(topic, payload, { qos: 1, retain });
  }

  /** The broker dies, and comes back without memory when `meanwhile` is done. */
  async restartBroker(cleanup: Cleanup, meanwhile: () => Promise<void>): Promise<void> {
    await this.broker.kill();
    await meanwhile();
    this.broker = await startMosquitto({ port: this.broker.port });
    cleanup.add(() => this.broker.kill());
  }

  /** What the broker keeps for those who come later, as JSON; `undefined` for nothing. */
  async retained(topic: string): Promise<unknown> {
    const client = await connectAsync(this.broker.url);
    const kept: Buffer[] = [];
    client.on('message', (of, payload, { retain }) => void (of === topic && retain && kept.push(payload)));
    await client.subscribeAsync([topic, 'home/nobody']);
    // What is kept comes before anything that is said later.
    const later = new Promise<void>((resolve) =>
      client.on('message', (of) => void (of === 'home/nobody' && resolve())),
    );
    await client.publishAsync('home/nobody', '');
    await later;
    await client.endAsync(true);
    return kept[0] === undefined ? undefined : JSON.parse(kept[0].toString());
  }

  /** What was heard of a topic, as JSON, first to last. */
  of(topic: string): Record<string, unknown>[] {
    return this.heard.filter((one) => one.topic === topic).map(({ payload }) => JSON.parse(payload));
  }

  last(topic: string): Record<string, unknown> | undefined {
    return this.of(topic).at(-1);
  }

  /** Until what was last said to the topic has all that `what` has. */
  async says(topic: string, what: Record<string, unknown>): Promise<void> {
    const wanted = Object.entries(what).map(([name, value]) => [name, JSON.stringify(value)]);
    const said = () => {
      const last = this.last(topic) ?? {};
      return wanted.every(([name = '', value]) => JSON.stringify(last[name]) === value);
    };
    await this.until(
      said,
      () => `${topic} said ${JSON.stringify(what)}, but ${JSON.stringify(this.last(topic))}`,
    );
  }

  async until(check: () => boolean, what: () => string): Promise<void> {
    await until(check, 'it', PATIENCE_MS).catch(() => {
      throw new Error(
        `not within ${PATIENCE_MS} ms: ${what()}; the log ends ${JSON.stringify(this.log().slice(-5))}`,
      );
    });
  }

  /** Warnings and errors of the device so far. */
  log(): string[] {
    return this.device.log
      .filter(({ level }) => level === 'warn' || level === 'error')
      .map((line) => JSON.stringify(line));
  }

  /** Until the log has a line with this in it. */
  async logs(text: string): Promise<void> {
    await this.until(
      () => this.device.log.some((line) => JSON.stringify(line).includes(text)),
      () => `the log says "${text}"`,
    );
  }
}

function portsOf(actors: ReadmeConfig['actors']): string[] {
  return actors.flatMap(({ bindings }) => bindings.flatMap(({ ports = {} }) => Object.keys(ports)));
}
