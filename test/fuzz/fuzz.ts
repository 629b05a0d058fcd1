import fc from 'fast-check';
import { parameters } from './runs.js';
import { TARGETS, type TargetName } from './targets.js';

/**
 * Feeds a target with inputs. What breaks it is printed as a line for `test/fuzz/corpus`: keep it there, and it is
 * tried in every run from then on. Answers how often each outcome came up.
 */
export function fuzz(name: TargetName, inputs: fc.Arbitrary<Uint8Array>): Map<string, number> {
  const outcomes = new Map<string, number>();
  const property = fc.property(inputs, (bytes) => {
    try {
      const outcome = TARGETS[name](bytes);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (thrown) {
      const found = { target: name, hex: Buffer.from(bytes).toString('hex') };
      throw new Error(`${JSON.stringify(found)}\n${String(thrown)}`, { cause: thrown });
    }
  });
  fc.assert(property, parameters(name));
  console.log([`fuzz ${name}:`, ...[...outcomes].map(([outcome, times]) => `${outcome} ${times}`)].join(' '));
  return outcomes;
}
