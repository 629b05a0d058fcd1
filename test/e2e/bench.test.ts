import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

// The reference of `verify` is a difference of two times: on a busy machine it may come out below nothing.
const ROW = /^\| (\w+) +\|.*\| +([\d.,]+) ms \| +(-?[\d.,]+) ms, .*\*\*(-?[\d.,]+)\*\*/;

it('the figures of updates are taken, each against its reference', async () => {
  const names = ['transfer', 'verify', 'commit', 'revert'];
  const args = ['dist/scripts/bench/main.js', ...names, '--quick'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const rows = stdout.split('\n').flatMap((line) => {
    const [, figure, ours = '', reference = ''] = ROW.exec(line) ?? [];
    return figure === undefined ? [] : [{ figure, ours: number(ours), reference: number(reference) }];
  });
  // In the order of the table. How large they are is for a quiet machine to say.
  expect(rows.map(({ figure }) => figure)).toEqual(['transfer', 'verify', 'verify', 'commit', 'revert']);
  for (const { ours } of rows) expect(ours).toBeGreaterThan(0);
}, 60_000);

function number(text: string): number {
  return Number(text.replaceAll(',', ''));
}
