import { DeviceClient, push } from '../../runtime/index.js';
import { DemoKeys } from '../demo/keys.js';
import { Load, pause } from '../demo/load.js';
import { Mosquitto } from './broker.js';
import { type Figure, scaled } from './figure.js';
import { alternate } from './rounds.js';
import { Subject } from './subject.js';

const CAPS = ['wascc:keyvalue', 'wascc:logging', 'iot:mqtt'];
const RATE = 1_000;

/** The longest time between two answers while an actor is swapped at 1,000 messages a second, and while it is not. */
export const swap: Figure = {
  name: 'swap',
  reference: 'the same stretch without a swap',
  async run(scale) {
    const broker = await Mosquitto.start();
    const keys = new DemoKeys();
    const bindings = [
      { contract: 'wascc:keyvalue' },
      { contract: 'wascc:logging' },
      { contract: 'iot:mqtt', publish: ['home/+/state'], subscribe: ['home/cmd/#'] },
    ];
    const trust = Buffer.from(keys.trustDocument()).toString('hex');
    const providers = [{ contract: 'wascc:keyvalue', use: 'memory' }];
    const actors = [{ name: 'counter', bindings }];
    const device = await Subject.start('device', { broker: broker.url, actors, providers, trust });
    const client = await DeviceClient.connect({ url: broker.url, device: 'bench', signer: keys.control });
    const stretchMs = scaled(1_500, scale, 300);
    let rev = 0;
    const install = async () => {
      rev++;
      const module = await keys.sign(`counter-v${(rev % 2) + 1}`, 'counter', rev, CAPS);
      const outcome = await push({ client, module, component: 'counter', signers: [keys.release] });
      if (outcome.end !== 'active') throw outcome.error ?? new Error(`the push ended ${outcome.end}`);
    };
    try {
      await install();
      const stretch = (work: () => Promise<void>) => async () => {
        const load = await Load.connect(broker.url, RATE);
        load.start();
        await pause(stretchMs / 2);
        await work();
        await pause(stretchMs / 2);
        const { lost, duplicated, longestPauseMs } = await load.finish();
        if (lost + duplicated > 0) throw new Error(`${lost} messages lost, ${duplicated} doubled`);
        return longestPauseMs;
      };
      await stretch(install)();
      const comparison = await alternate(
        stretch(install),
        stretch(() => pause(100)),
      );
      return [{ what: 'longest pause at 1,000 messages/s', unit: 'ms', better: 'lower', ...comparison }];
    } finally {
      await client.close();
      await device.stop();
      await broker.stop();
    }
  },
};
