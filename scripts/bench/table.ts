import { readFile, writeFile } from 'node:fs/promises';
import type { Figure, Row } from './figure.js';
import { machine } from './machine.js';

/** From dist/scripts/bench/ to docs/. */
const DOCUMENT = new URL('../../../docs/performance.md', import.meta.url);
const BEGIN = '<!-- begin: npm run bench -- --write -->';
const END = '<!-- end -->';

export interface Result {
  readonly figure: Figure;
  readonly rows: readonly Row[];
}

/** The table, with the machine named. */
export function render(results: readonly Result[]): string {
  const lines = results.flatMap(({ figure, rows }) => rows.map((row) => line(figure, row)));
  return [
    `Taken on ${new Date().toISOString().slice(0, 10)}: ${machine()}.`,
    '',
    '| Figure | What | Ours | Reference | Ours / reference (least to most) | Better |',
    '| --- | --- | --: | --: | --: | --- |',
    ...lines,
    '',
  ].join('\n');
}

function line({ name, reference }: Figure, row: Row): string {
  const { what, unit, better, ratio, spread } = row;
  const range = `**${short(ratio)}** (${short(spread[0])} to ${short(spread[1])})`;
  const ours = `${short(row.ours)} ${unit}`;
  const theirs = `${short(row.reference)} ${unit}, ${row.against ?? reference}`;
  return `| ${name} | ${what} | ${ours} | ${theirs} | ${range} | ${better} |`;
}

/** Three digits, and thousands apart. */
function short(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Puts the table between its two marks in docs/performance.md. */
export async function write(table: string): Promise<void> {
  const text = await readFile(DOCUMENT, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`docs/performance.md has no "${BEGIN}" and "${END}"`);
  await writeFile(DOCUMENT, `${text.slice(0, begin + BEGIN.length)}\n\n${table}\n${text.slice(end)}`);
}
