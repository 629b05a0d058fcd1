import { randomInt } from 'node:crypto';

/** The same on every machine, so that CI fails for what was changed and not by chance. `random`: another each time. */
const USUAL_SEED = 20261126;
const { IOT_FUZZ_RUNS, IOT_FUZZ_SEED } = process.env;

export const SEED = IOT_FUZZ_SEED === 'random' ? randomInt(2 ** 31) : Number(IOT_FUZZ_SEED ?? USUAL_SEED);
/** Inputs for each target. */
export const RUNS = Number(IOT_FUZZ_RUNS ?? 400);

/** Parameters for fast-check. Printed, so that a run can be had again: `IOT_FUZZ_SEED=… IOT_FUZZ_RUNS=…`. */
export function parameters(target: string): { seed: number; numRuns: number } {
  console.log(`fuzz ${target}: IOT_FUZZ_SEED=${SEED} IOT_FUZZ_RUNS=${RUNS}`);
  return { seed: SEED, numRuns: RUNS };
}
