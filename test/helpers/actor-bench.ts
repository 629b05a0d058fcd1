import { z } from 'zod';
import { encodePayload } from '#runtime/base/codec.js';
import type { Contract, Deliver, Implementation, Provider, Session } from '#runtime/base/contract.js';
import type { Host } from '#runtime/host/host.js';
import ble from '#runtime/providers/iot-ble/contract.js';
import { SimulatedBle } from '#runtime/providers/iot-ble/sim.js';
import gpio from '#runtime/providers/iot-gpio/contract.js';
import { SimulatedGpio } from '#runtime/providers/iot-gpio/sim.js';
import mqtt, { type Message, type Mqtt, type Publish } from '#runtime/providers/iot-mqtt/contract.js';
import serial from '#runtime/providers/iot-serial/contract.js';
import { SimulatedSerial } from '#runtime/providers/iot-serial/sim.js';
import type { Clock } from '#runtime/providers/iot-timer/clock.js';
import timer from '#runtime/providers/iot-timer/contract.js';
import { HostTimers } from '#runtime/providers/iot-timer/host.js';
import { checkedActor } from './actors.js';
import type { Cleanup } from './cleanup.js';
import { startHost, type TestHost } from './host.js';
import { recordingLogger, TEST_BOARD, until } from './providers.js';

/** A broker for one actor: remembers what was published, hands over what is sent. */
class MemoryMqtt implements Mqtt {
  readonly published: { topic: string; payload: string; retain: boolean }[] = [];
  readonly filters = new Set<string>();
  #deliver: Deliver | undefined;

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async unbind(): Promise<void> {}
  async bind(_session: Session, deliver: Deliver): Promise<void> {
    this.#deliver = deliver;
  }
  publish(_session: Session, { topic, payload, retain }: Publish): void {
    this.published.push({ topic, payload: Buffer.from(payload as Uint8Array).toString(), retain });
  }
  subscribe(_session: Session, filter: string): void {
    this.filters.add(filter);
  }
  unsubscribe(): void {}

  async send(topic: string, payload: string): Promise<void> {
    const message: Message = { topic, payload: Buffer.from(payload), qos: 1, retain: false };
    await this.#deliver?.('Message', message);
  }
}

/** Time that passes when a test says so, timer by timer. */
class BenchClock implements Clock {
  #ms = 1_000;
  #waits: { readonly at: number; readonly wake: () => void }[] = [];

  unixMs = () => 1_800_000_000_000 + this.#ms;
  monotonicNs = () => BigInt(this.#ms) * 1_000_000n;
  wait(ms: number, wake: () => void): () => void {
    const one = { at: this.#ms + Math.max(0, ms), wake };
    this.#waits.push(one);
    return () => {
      this.#waits = this.#waits.filter((other) => other !== one);
    };
  }

  /** Goes to the next timer that is due by `end`, or to `end`; true when there was one. */
  step(end: number): boolean {
    const next = this.#waits.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
    this.#ms = next?.at ?? end;
    if (next === undefined) return false;
    this.#waits = this.#waits.filter((one) => one !== next);
    next.wake();
    return true;
  }

  get ms(): number {
    return this.#ms;
  }
}

/** An actor of dist/actors in a real host and engine; pins, ports, radio, broker and time are in the test's hand. */
export class ActorBench {
  readonly log: string[] = [];
  readonly gpio = new SimulatedGpio(TEST_BOARD, recordingLogger(this.log));
  readonly serial: SimulatedSerial;
  readonly ble = new SimulatedBle(recordingLogger(this.log));
  readonly mqtt = new MemoryMqtt();
  readonly #clock = new BenchClock();
  #device: TestHost | undefined;

  private constructor(
    private readonly name: string,
    ports: readonly string[],
  ) {
    this.serial = new SimulatedSerial(ports, recordingLogger(this.log));
  }

  /**
   * `bindings` as in the configuration; the actor claims just these. `ports`: simulated ones by name, or device nodes by
   * name, which are opened indeed; then time is the machine's, too.
   */
  static async start(
    cleanup: Cleanup,
    name: string,
    bindings: readonly ({ contract: string } & Record<string, unknown>)[],
    ports: readonly string[] | Readonly<Record<string, string>> = [],
  ): Promise<ActorBench> {
    const simulated = Array.isArray(ports) ? ports : [];
    const bench = new ActorBench(name, simulated);
    const timers = new HostTimers('yes', recordingLogger(bench.log), bench.#clock);
    const fakes = [instead(gpio, bench.gpio), instead(ble, bench.ble), instead(mqtt, bench.mqtt)];
    const real = Object.entries(Array.isArray(ports) ? {} : ports).map(([port, path]) => [port, { path }]);
    if (real.length === 0) fakes.push(instead(serial, bench.serial), instead(timer, timers));
    const module = checkedActor(name, [...new Set(bindings.map(({ contract }) => contract))]);
    const providers = [
      { contract: 'wascc:keyvalue', use: 'lmdb' },
      ...(real.length === 0
        ? []
        : [{ contract: 'iot:serial', use: 'serialport', ports: Object.fromEntries(real) }]),
    ];
    const config = { providers, actors: [{ name, bindings }] };
    bench.#device = await startHost(config, { [name]: module }, recordingLogger(bench.log), fakes);
    cleanup.add(() => bench.#device?.stop());
    await bench.settle();
    return bench;
  }

  get host(): Host {
    return this.#device!.host;
  }

  /** Until the actor has handled what has reached it so far. */
  async settle(): Promise<void> {
    const health = encodePayload('msgpack', { placeholder: false });
    for (let turn = 0; turn < 3; turn++) {
      await new Promise(setImmediate);
      await this.host.call(this.name, 'HealthRequest', health);
    }
  }

  /** Lets time pass, and the actor handle each tick on its way. */
  async pass(ms: number): Promise<void> {
    const end = this.#clock.ms + ms;
    while (this.#clock.step(end)) await this.settle();
    await this.settle();
  }

  /** What was last published to the topic, as JSON. */
  last(topic: string): unknown {
    const payload = this.mqtt.published.findLast((one) => one.topic === topic)?.payload;
    return payload === undefined ? undefined : JSON.parse(payload);
  }

  /** Sends an actor of this name a message; its answer, or the reason of its failure. */
  async send(topic: string, payload: string): Promise<string> {
    const answer = await this.mqtt.send(topic, payload).then(
      () => 'handled',
      (thrown: Error) => thrown.message,
    );
    await this.settle();
    return answer;
  }

  /** Bytes from the other side of a port; returns when the actor has handled them. */
  async receive(port: string, bytes: Uint8Array | string): Promise<void> {
    this.serial.send(port, Buffer.from(bytes as string));
    await this.settle();
  }

  until(check: () => boolean, what: string): Promise<void> {
    return until(check, what);
  }
}

/** The contract with one provider for all, whatever the configuration names. */
function instead(contract: Contract, provider: Provider): Contract {
  const implementation: Implementation<Provider> = { settings: z.looseObject({}), create: () => provider };
  return { ...contract, loadImplementation: async () => implementation };
}
