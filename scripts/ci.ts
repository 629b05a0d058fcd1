import { countsLine, sum } from './counts.js';
import { untilStopped } from './lab/group.js';
import { lab } from './lab/lab.js';
import { ciMinutes } from './minutes.js';
import { checks, tests } from './suite.js';

/**
 * `.ci/run`: what `npm test` tests, then the lab as far as its kernel and the time allow. The argument is the second
 * since 1970 at which everything began; IOT_CI_MINUTES says how many minutes all of it may take.
 */
const began = Number(process.argv[2]) * 1000 || Date.now();
const ends = began + ciMinutes(process.env.IOT_CI_MINUTES) * 60_000;
const parts = [await checks(), await tests([])];
parts.push(
  await untilStopped((stop) =>
    lab({ stop, filters: [], options: [], ends, setup: ['scripts/setup', 'lab'] }),
  ),
);
const total = sum(parts);
console.log(countsLine(total));
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
