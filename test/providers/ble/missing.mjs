// Starts one implementation of iot:ble of the installation in a folder, and prints what comes of it.
// Arguments: the folder, the implementation, its settings as JSON, and a port to plug in and out once it runs: what its
// problem was before, with it, without it and with it again.
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , folder = '', use = '', settings = '{}', port] = process.argv;
const PATIENCE_MS = 20_000;
const { default: contract } = await import(join(folder, 'dist/runtime/providers/iot-ble/contract.js'));
const { settings: schema, create } = await contract.loadImplementation(use);
const logger = { error() {}, warn() {}, info() {}, debug() {}, trace() {}, child: () => logger };
const provider = create(schema.parse(JSON.parse(settings)), { logger, board: { ports: {} } });
const told = await provider.start(new AbortController().signal).then(
  () => ({ code: 'started' }),
  ({ code, message, hint }) => ({ code, message, hint }),
);
if (port !== undefined) {
  const problems = [provider.problem()];
  const deadline = performance.now() + PATIENCE_MS;
  const plug = () => symlinkSync('/dev/null', port);
  for (const change of [plug, () => rmSync(port), plug]) {
    const before = provider.problem();
    change();
    while (provider.problem() === before && performance.now() < deadline) await sleep(20);
    problems.push(provider.problem());
  }
  told.problems = problems;
}
await provider.stop();
process.stdout.write(JSON.stringify(told), () => process.exit());
