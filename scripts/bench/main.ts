import { parseArgs } from 'node:util';
import { commit } from './commit.js';
import { compute } from './compute.js';
import { echo } from './echo.js';
import type { Figure } from './figure.js';
import { growth } from './growth.js';
import { http } from './http.js';
import { memory } from './memory.js';
import { mqtt } from './mqtt.js';
import { pins } from './pins.js';
import { push } from './push.js';
import { revert } from './revert.js';
import { start } from './start.js';
import { swap } from './swap.js';
import { type Result, render, write } from './table.js';
import { transfer } from './transfer.js';
import { verify } from './verify.js';

const FIGURES: readonly Figure[] = [
  ...[compute, echo, mqtt, http, start, memory, growth, pins],
  ...[swap, push, transfer, verify, commit, revert],
];
const USAGE = `usage: npm run bench [-- NAME…] [-- --quick | --write]   names: ${FIGURES.map(({ name }) => name).join(' ')}`;

/** `--quick`: a twentieth of the work, to see that all of it runs. `--write`: into docs/performance.md. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
  });
  const unknown = positionals.filter((name) => !FIGURES.some((figure) => figure.name === name));
  const partial = positionals.length > 0 || values.quick;
  if (unknown.length > 0 || (values.write && partial)) {
    console.error(unknown.length > 0 ? `no figure "${unknown[0]}"` : '--write takes all figures, in full');
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const results: Result[] = [];
  for (const figure of FIGURES) {
    if (positionals.length > 0 && !positionals.includes(figure.name)) continue;
    console.error(`bench: ${figure.name}`);
    results.push({ figure, rows: await figure.run(values.quick ? 0.05 : 1) });
  }
  const table = render(results);
  console.log(table);
  if (values.write) await write(table);
}

await main();
