import { untilStopped } from '../lab/group.js';
import { cachedKernel } from '../lab/kernel.js';
import { runProgram } from '../lab/machine.js';
import type { Figure, Row } from './figure.js';

const LIMIT = 20 * 60_000;

/** Lines of the lab's kernel, driven through an actor and without one. */
export const pins: Figure = {
  name: 'pins',
  reference: 'the same ioctl called from Node',
  run: (scale) =>
    untilStopped(async (stop) => {
      const kernel = await cachedKernel(stop);
      if (kernel === undefined) {
        console.error(
          'bench: pins is skipped, the kernel of the lab is not built: npm run test:lab builds it',
        );
        return [];
      }
      const machine = { kernel, limit: LIMIT, stop, print: (line: string) => console.error(line) };
      return (await runProgram(machine, 'dist/scripts/bench/lab/pins.js', [String(scale)])) as Row[];
    }),
};
