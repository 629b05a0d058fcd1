import { connectAsync, type MqttClient } from 'mqtt';
import { Mosquitto } from './broker.js';
import { type Figure, type Row, scaled } from './figure.js';
import { compare, ROUNDS } from './rounds.js';
import { Subject } from './subject.js';

/** Messages under way at a time. */
const WINDOW = 100;
const PAYLOAD = Buffer.alloc(64, 'x');

interface Way {
  readonly subject: Subject;
  readonly from: string;
  readonly to: string;
}

interface Pass {
  /** Messages a second. */
  readonly rate: number;
  /** Processor time of the subject for one message, microseconds. */
  readonly micros: number;
}

/** MQTT in → actor → MQTT out, against the same in plain mqtt.js; each side is a process of its own. */
export const mqtt: Figure = {
  name: 'mqtt',
  reference: 'plain mqtt.js',
  async run(scale) {
    const broker = await Mosquitto.start();
    const clients = await Promise.all([connect(broker.url), connect(broker.url)] as const);
    const subjects: Subject[] = [];
    try {
      const start = async (program: string, options: Record<string, unknown>): Promise<Subject> => {
        const subject = await Subject.start(program, { broker: broker.url, ...options });
        subjects.push(subject);
        return subject;
      };
      const bindings = [{ contract: 'iot:mqtt', publish: ['home/+/state'], subscribe: ['home/cmd/relay'] }];
      const ours: Way = {
        subject: await start('device', { actors: [{ name: 'relay', file: 'relay', bindings }] }),
        from: 'home/cmd/relay',
        to: 'home/relay/state',
      };
      const plain = { from: 'plain/in', to: 'plain/out' };
      const careful = { from: 'careful/in', to: 'careful/out' };
      const others = {
        plain: { ...plain, subject: await start('mqtt-relay', { ...plain, careful: false }) },
        careful: { ...careful, subject: await start('mqtt-relay', { ...careful, careful: true }) },
      };
      const [sender, listener] = clients;
      for (const { to } of [ours, plain, careful]) await listener.subscribeAsync(to, { qos: 1 });
      return [
        ...(await against(others.plain, 0, 'plain mqtt.js', 20_000)),
        ...(await against(others.plain, 1, 'plain mqtt.js', 3_000)),
        ...(await against(others.careful, 1, 'mqtt.js that acknowledges after its copy was', 3_000)),
      ];

      async function against(other: Way, qos: 0 | 1, name: string, messages: number): Promise<Row[]> {
        const count = scaled(messages, scale, 500);
        for (const way of [ours, other]) await pass(sender, listener, way, qos, count);
        const passes: { ours: Pass; reference: Pass }[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          passes.push({
            ours: await pass(sender, listener, ours, qos, count),
            reference: await pass(sender, listener, other, qos, count),
          });
        }
        const pairs = (key: keyof Pass) =>
          passes.map((each) => ({ ours: each.ours[key], reference: each.reference[key] }));
        const what = `QoS ${qos}, 64 bytes, ${WINDOW} under way`;
        return [
          { what, unit: 'messages/s', against: name, better: 'higher', ...compare(pairs('rate')) },
          {
            what: `QoS ${qos}, processor time of a message`,
            unit: 'µs',
            against: name,
            better: 'lower',
            ...compare(pairs('micros')),
          },
        ];
      }
    } finally {
      await Promise.all(clients.map((client) => client.endAsync(true)));
      for (const subject of subjects) await subject.stop();
      await broker.stop();
    }
  },
};

/** Sends `count` messages the way and waits for every one of them. */
async function pass(
  sender: MqttClient,
  listener: MqttClient,
  { subject, from, to }: Way,
  qos: 0 | 1,
  count: number,
): Promise<Pass> {
  const processor = await subject.processorSeconds();
  const began = performance.now();
  await new Promise<void>((resolve) => {
    let sent = 0;
    let received = 0;
    const fill = () => {
      while (sent < count && sent - received < WINDOW) {
        sent++;
        sender.publish(from, PAYLOAD, { qos });
      }
    };
    const onMessage = (topic: string) => {
      if (topic !== to) return;
      received++;
      if (received < count) fill();
      else {
        listener.off('message', onMessage);
        resolve();
      }
    };
    listener.on('message', onMessage);
    fill();
  });
  const seconds = (performance.now() - began) / 1000;
  const used = (await subject.processorSeconds()) - processor;
  return { rate: count / seconds, micros: (used / count) * 1e6 };
}

/** A client whose small packets do not wait for each other. */
export async function connect(url: string): Promise<MqttClient> {
  const client = await connectAsync(url);
  const { stream } = client as unknown as { stream: { setNoDelay?(on: boolean): void } };
  stream.setNoDelay?.(true);
  return client;
}
