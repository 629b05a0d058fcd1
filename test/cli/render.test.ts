import { expect, it } from 'vitest';
import { Renderer } from '#runtime/cli/render.js';

/** What is printed on terminals that say that they have so many columns. */
function terminal(columns?: number) {
  const printed = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    ...{ isTTY: true, columns },
    write(text: string) {
      printed[name] += text;
    },
  });
  const options = () => ({ json: false, quiet: false, verbose: false, color: true });
  const renderer = new Renderer({ stdout: sink('stdout'), stderr: sink('stderr') }, options, false);
  return { printed, renderer };
}

it('a terminal that does not know its size, as a serial console, has 80 columns', () => {
  for (const columns of [0, undefined]) {
    const { renderer } = terminal(columns);
    expect(renderer.paper).toMatchObject({ columns: 80, width: 80 });
    expect([renderer.logWidth, renderer.width]).toEqual([80, 79]);
  }
  expect(terminal(40).renderer.paper.width).toBe(40);
});
