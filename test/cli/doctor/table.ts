import { expect, it } from 'vitest';
import { CHECKS } from '#runtime/cli/doctor/doctor.js';
import type { Finding } from '#runtime/cli/doctor/finding.js';
import { fakeMachine, subject, type World } from './machine.js';

/** What a group of checks finds on such a machine; `config`: null for none, default: that of `machine.ts`. */
export async function find(
  group: string,
  world: World = {},
  config?: string | null,
): Promise<readonly Finding[]> {
  const machine = fakeMachine(world);
  return (await CHECKS[group]?.(machine, await subject(config, machine))) ?? [];
}

/** What a machine lacks, what is then said, and what mends it. */
type Row = [
  title: string,
  world: World,
  found: { state: 'warn' | 'fail'; text: RegExp; fix: RegExp },
  config?: string,
];

export const bad = (state: 'warn' | 'fail', text: RegExp, fix: RegExp) => ({ state, text, fix });

/** Each row lacks one thing, and that one thing is found, with its fix. */
export function table(group: string, rows: readonly Row[]): void {
  it.each(rows)(`${group}: %s`, async (_title, world, { state, text, fix }, config) => {
    const findings = await find(group, world, config);
    const wrong = findings.filter((finding) => finding.state !== 'ok');
    expect(wrong).toEqual([
      {
        check: expect.any(String),
        state,
        text: expect.stringMatching(text),
        fix: expect.stringMatching(fix),
      },
    ]);
  });
}
