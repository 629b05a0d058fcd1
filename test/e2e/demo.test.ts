import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const count = expect.any(Number);

it('the demo with --json prints one line, of exactly the promised shape, and its figures are counted', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['dist/scripts/demo/main.js', '--json']);
  const lines = stdout.split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toBe('');
  const result = JSON.parse(lines[0] ?? '');
  expect(result).toStrictEqual({
    v: 1,
    ok: true,
    swap: {
      rate: count,
      sent: count,
      handled: result.swap.sent,
      lost: 0,
      duplicated: 0,
      longestPauseMs: count,
    },
    refused: { tampered: 'E_HASH', older: 'E_OLDER', untrusted: 'E_UNTRUSTED' },
    rolledBack: { reason: 'E_PROBATION_TRAP', activeAgainMs: count },
    provider: {
      removedError: expect.stringContaining('no provider for wascc:keyvalue is running'),
      readyzWhileRemoved: 503,
      swappedTo: 'lmdb',
      valueKept: true,
    },
    resume: { bytes: count, sentBefore: count, sentAfter: count, sentAgain: count, end: 'active' },
  });
  // Not made up: so many messages fit into the time that the demo takes.
  expect(result.swap.rate).toBeGreaterThanOrEqual(1_000);
  expect(result.swap.sent).toBeGreaterThan(2_000);
  expect(result.swap.longestPauseMs).toBeGreaterThan(0);
  expect(result.rolledBack.activeAgainMs).toBeGreaterThan(0);
  // The plug was pulled in the middle; every byte was sent, and few of them a second time.
  const { bytes, sentBefore, sentAfter, sentAgain } = result.resume;
  expect(bytes).toBeGreaterThan(2_000_000);
  expect(sentBefore).toBeLessThan(bytes);
  expect(sentBefore + sentAfter - sentAgain).toBe(bytes);
  expect(sentAgain).toBeLessThan(sentBefore / 2);
}, 90_000);
