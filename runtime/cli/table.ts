import { hanging } from './words.js';

/**
 * Columns side by side, two spaces apart, under a heading; nothing is cut off. What does not fit into `width` columns
 * (default: no limit) goes below its row, the widest column first: `  public key: UAXVJG3R…`.
 */
export function table(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const beside = columnsBeside(widths, width);
  const line = (row: readonly string[]) =>
    beside
      .map((column) => (row[column] ?? '').padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const below = heading.flatMap((name, column) => (beside.includes(column) ? [] : [{ name, column }]));
  return [
    line(heading),
    ...rows.flatMap((row) => [
      line(row),
      ...below.flatMap(({ name, column }) => {
        const cell = row[column] ?? '';
        return cell === '' ? [] : hanging(name === '' ? '  ' : `  ${name.toLowerCase()}: `, cell, width);
      }),
    ]),
  ];
}

/** Without the widest ones, as long as there are too many; the first one names the row. */
function columnsBeside(widths: readonly number[], width: number): number[] {
  const beside = widths.map((_, column) => column);
  const taken = () => beside.reduce((sum, column) => sum + (widths[column] ?? 0) + 2, -2);
  while (taken() > width && beside.length > 1) {
    const widest = Math.max(...beside.slice(1).map((column) => widths[column] ?? 0));
    beside.splice(
      beside.findLastIndex((column, at) => at > 0 && widths[column] === widest),
      1,
    );
  }
  return beside;
}
