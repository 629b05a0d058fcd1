import { SIMULATED_CHIP } from '../../../base/board.js';
import { type Check, type Finding, fail, ok } from '../finding.js';

/** `engines.node` of package.json. */
export const NODE_FROM = [20, 19] as const;
/** The GPIO character device, version 2. */
export const KERNEL_FROM = [5, 10] as const;

/** Node.js, its flags, and the kernel. */
export const checkNode: Check = (machine, { board }): Finding[] => {
  const { node, nodeFlags, webAssembly, platform, kernel, arch } = machine;
  const findings: Finding[] = [
    atLeast(node, NODE_FROM)
      ? ok('node', `Node.js ${node} (${platform}-${arch})`)
      : fail(
          'node',
          `Node.js ${node} is too old`,
          `install Node.js ${NODE_FROM.join('.')} or later: https://nodejs.org`,
        ),
    webAssembly
      ? ok('node', nodeFlags.length === 0 ? 'no special flags' : `flags: ${nodeFlags.join(' ')}`)
      : fail(
          'node',
          `runs without WebAssembly (flags: ${nodeFlags.join(' ')})`,
          'take --jitless out of NODE_OPTIONS',
        ),
  ];
  if (platform !== 'linux') {
    return [...findings, fail('kernel', `this is ${platform}, not Linux`, 'run the host on Linux')];
  }
  const from = KERNEL_FROM.join('.');
  if (board.gpio.chip === SIMULATED_CHIP || atLeast(kernel, KERNEL_FROM))
    return [...findings, ok('kernel', `Linux ${kernel}`)];
  const why = `Linux ${kernel} has no GPIO character device of version 2, which came with ${from}`;
  return [...findings, fail('kernel', why, `sudo apt full-upgrade, for a kernel from ${from} on`)];
};

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [own = 0, next = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return own > major || (own === major && next >= minor);
}
