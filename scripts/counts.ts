/** How a part of the tests ended. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function sum(parts: readonly Counts[]): Counts {
  const total = (key: keyof Counts) => parts.reduce((all, part) => all + part[key], 0);
  return { passed: total('passed'), failed: total('failed'), skipped: total('skipped') };
}

/** The last line of every run of tests: `N passed, N failed`, and `, N skipped` where there are some. */
export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Counts of a report in Jest's form, as vitest writes it; `code` is what vitest ended with. */
export function reportCounts(text: string, code: number): Counts {
  const report = JSON.parse(text) as Record<string, number>;
  const failed = report.numFailedTests ?? 0;
  return {
    passed: report.numPassedTests ?? 0,
    // A file that cannot be loaded, or an error outside of any test, has failed without a test of its own.
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
  };
}
