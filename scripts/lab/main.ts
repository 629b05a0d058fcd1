import { countsLine } from '../counts.js';
import { untilStopped } from './group.js';
import { lab } from './lab.js';

/**
 * `npm run test:lab`: the tests that need a kernel of their own. The last line is `N passed, N failed, N skipped`.
 * Arguments are parts of the names of files, also several by commas; from the first one that begins with a dash on they are vitest's.
 */
const args = process.argv.slice(2);
const dash = args.findIndex((arg) => arg.startsWith('-'));
const filters = (dash < 0 ? args : args.slice(0, dash)).flatMap((arg) => arg.split(','));
const options = dash < 0 ? [] : args.slice(dash);
const counts = await untilStopped((stop) => lab({ filters, options, stop }));
console.log(countsLine(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;
