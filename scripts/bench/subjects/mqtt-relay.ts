import { connectAsync, type MqttClient } from 'mqtt';
import { serve } from '../subject.js';

interface Options {
  readonly broker: string;
  readonly from: string;
  readonly to: string;
  /** Acknowledge a message only when its copy was acknowledged, as an actor does. */
  readonly careful: boolean;
}

/** The relay as one writes it with mqtt.js and nothing else. */
await serve(async ({ broker, from, to, careful }: Options) => {
  const input = await connect(broker);
  const output = await connect(broker);
  if (careful) {
    input.handleMessage = ({ payload, qos }, done) => {
      output.publish(to, payload, { qos }, (error) => done(error ?? undefined));
    };
  } else {
    input.on('message', (_topic, payload, { qos }) => output.publish(to, payload, { qos }));
  }
  await input.subscribeAsync(from, { qos: 1 });
  return {
    hello: {},
    stop: async () => {
      await Promise.all([input.endAsync(true), output.endAsync(true)]);
    },
  };
});

async function connect(url: string): Promise<MqttClient> {
  const client = await connectAsync(url);
  const { stream } = client as unknown as { stream: { setNoDelay?(on: boolean): void } };
  stream.setNoDelay?.(true);
  return client;
}
