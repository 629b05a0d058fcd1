import { kernel, runProgram } from '../lab/machine.js';
import type { Figure, Row } from './figure.js';

/** Lines of the lab's kernel, driven through an actor and without one. */
export const pins: Figure = {
  name: 'pins',
  reference: 'the same ioctl called from Node',
  async run(scale) {
    const path = await kernel(true);
    if (path === undefined) {
      console.error('bench: pins is skipped, the kernel of the lab is not built: npm run test:lab builds it');
      return [];
    }
    return (await runProgram(path, 'dist/scripts/bench/lab/pins.js', [String(scale)])) as Row[];
  },
};
