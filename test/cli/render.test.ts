import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
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
  const options = () => ({ json: false, quiet: false, verbose: false, yes: false, color: true });
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

it('what others have worded moves no cursor, wherever it is printed', async () => {
  const { printed, renderer } = terminal(80);
  const bad = 'a\u001b[2J\u001b[8mb\u009bKc\rd\u0007';
  const harmless = 'a\\u001b[2J\\u001b[8mb\\u009bKc\\rd\\u0007';
  const red = renderer.paper.paint('red', 'red');
  expect(red).not.toBe('red');
  await renderer.result({ data: {}, text: [bad, `${red}\tä`, 'one\r\ntwo\nthree'] });
  expect(printed.stdout).toBe(`${harmless}\n${red}\tä\none\r\ntwo\nthree\n`);
  renderer.note(bad);
  renderer.log(bad);
  renderer.error(new IotError('E_GUEST', bad, { hint: bad }));
  expect(stripVTControlCharacters(printed.stderr)).toBe(
    `${harmless}\n${harmless}\nerror: ${harmless}\nhint: ${harmless}\n`,
  );
});
