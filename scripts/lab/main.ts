import { kernel, runTests } from './machine.js';

/** `npm run test:lab`: the tests that need a kernel of their own. The last line is `N passed, N failed, N skipped`. */
const path = await kernel(false);
if (path === undefined) {
  console.log('lab: skipped, there is no User-Mode Linux kernel on this machine (see above)');
  console.log('0 passed, 0 failed, 1 skipped');
} else {
  try {
    const report = await runTests(path, process.argv.slice(2));
    const skipped = report.numPendingTests + report.numTodoTests;
    console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed, ${skipped} skipped`);
    process.exitCode = report.numFailedTests > 0 ? 1 : 0;
  } catch (thrown) {
    console.error(`lab: ${(thrown as Error).message}`);
    console.log('0 passed, 1 failed');
    process.exitCode = 1;
  }
}
