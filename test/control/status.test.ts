import { expect, it } from 'vitest';
import { MqttStatusSink } from '#runtime/control/agent/status.js';
import type { BrokerLink } from '#runtime/control/mqtt/link.js';
import type { UpdateStatus } from '#runtime/control/protocol/messages.js';

it('names that somebody makes up do not push out the slots whose status is sent again', async () => {
  let connected = () => {};
  const topics: string[] = [];
  const link = {
    onConnect: (listener: () => void) => {
      connected = listener;
      return () => {};
    },
    publish: async (topic: string) => void topics.push(topic),
  } as unknown as BrokerLink;
  const sink = new MqttStatusSink(link, 'pi-01');
  sink.start();
  const status = (component: string, more: Partial<UpdateStatus> = {}): UpdateStatus => ({
    ...{ v: 1, component, deployment: 'ab'.repeat(32), state: 'rejected', floor: 0, ...more },
  });
  const installed = { digest: 'cd'.repeat(32), sequence: 7, key: 'M' };
  await sink.status(status('blink', { state: 'active', installed }));
  for (let n = 0; n < 1_000; n++) await sink.status(status(`made-up-${n}`));
  topics.length = 0;
  connected();
  expect(topics).toHaveLength(128);
  expect(topics).toContain('iot/pi-01/ota/state/blink');
  expect(topics).toContain('iot/pi-01/ota/state/made-up-999');
});
