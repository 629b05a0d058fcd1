import { countsLine, sum } from './counts.js';
import { checks, tests } from './suite.js';

/**
 * `npm test`: everything that can be tested on any Linux machine. The last line is `N passed, N failed`
 * (`, N skipped`). Arguments are passed on to vitest: `npm test -- test/host`.
 */
const args = process.argv.slice(2);
const total = sum([...(args.length === 0 ? [await checks()] : []), await tests(args)]);
console.log(countsLine(total));
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
