import { BLINK } from '../demo/acts.js';
import { Stage } from '../demo/stage.js';
import type { Figure } from './figure.js';
import { alternate, ROUNDS } from './rounds.js';

/** From the fault of a module on probation until the one before it works again. */
export const revert: Figure = {
  name: 'revert',
  reference: 'a restart of the same actor',
  async run() {
    const stage = await Stage.set();
    try {
      await stage.install('blink', await stage.keys.sign('blink-v1', 'blink', 1, BLINK));
      let rev = 1;
      const ours = async () => {
        rev++;
        const outcome = await stage.push('blink', await stage.keys.sign('bad-trap', 'blink', rev, BLINK));
        if (outcome.end !== 'rolled-back') throw outcome.error ?? new Error(`the push ended ${outcome.end}`);
        // The last thing that the device has said of it: from trap to running, by its own clock.
        const line = stage.log.findLast(({ activeAgainMs }) => typeof activeAgainMs === 'number');
        return Number(line?.activeAgainMs);
      };
      const reference = async () => {
        const began = performance.now();
        await stage.device.host.actor('blink').restart();
        return performance.now() - began;
      };
      await ours();
      await reference();
      const comparison = await alternate(ours, reference, 2 * ROUNDS);
      return [{ what: 'from fault to the old module running', unit: 'ms', better: 'lower', ...comparison }];
    } finally {
      await stage.clear();
    }
  },
};
