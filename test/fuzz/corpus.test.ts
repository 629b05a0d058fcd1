import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TARGETS, type TargetName } from './targets.js';

interface Case {
  readonly target: TargetName;
  readonly what: string;
  readonly hex: string;
  /** What has to become of it. */
  readonly outcome: string;
}

const FOLDER = new URL('corpus/', import.meta.url);

describe.each(readdirSync(FOLDER).filter((file) => file.endsWith('.json')))('%s', (file) => {
  const cases = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Case[];
  it.each(cases)('$target: $what: $outcome', ({ target, hex, outcome }) => {
    expect(hex).toMatch(/^([0-9a-f]{2})*$/);
    expect(TARGETS[target](Uint8Array.from(Buffer.from(hex, 'hex')))).toBe(outcome);
  });
});
