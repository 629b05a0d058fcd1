import { expect, it } from 'vitest';
import type { BrokerLink, Message } from '#runtime/control/mqtt/link.js';
import { readRetained } from '#runtime/control/mqtt/retained.js';

/** A broker whose messages are read only while an answer is waited for: as when this process stands still at times. */
function slow(batches: readonly (readonly string[])[]): BrokerLink {
  const left = [...batches];
  let receive = (_: Message): void => {};
  const link = {
    async subscribe(_: string, listener: (message: Message) => void) {
      receive = listener;
      return { close: async () => {} };
    },
    async barrier() {
      for (const topic of left.shift() ?? []) {
        receive({ topic, payload: Uint8Array.of(1), retained: true });
      }
    },
  };
  return link as unknown as BrokerLink;
}

it('what a broker keeps is read to its end, however late this process gets to it', async () => {
  const found = await readRetained(slow([['a/1'], ['a/2', 'a/3'], ['a/4'], []]), 'a/+');
  expect([...found.keys()]).toEqual(['a/1', 'a/2', 'a/3', 'a/4']);
});
