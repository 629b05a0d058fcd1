// Starts one implementation of iot:ble of the installation in a folder, and prints what comes of it.
// Arguments: the folder, the implementation, its settings as JSON.
import { join } from 'node:path';

const [, , folder = '', use = '', settings = '{}'] = process.argv;
const { default: contract } = await import(join(folder, 'dist/runtime/providers/iot-ble/contract.js'));
const { settings: schema, create } = await contract.loadImplementation(use);
const logger = { error() {}, warn() {}, info() {}, debug() {}, trace() {}, child: () => logger };
const provider = create(schema.parse(JSON.parse(settings)), { logger, board: { ports: {} } });
const told = await provider.start(new AbortController().signal).then(
  () => ({ code: 'started' }),
  ({ code, message, hint }) => ({ code, message, hint }),
);
await provider.stop();
process.stdout.write(JSON.stringify(told), () => process.exit());
