import { parentPort, workerData } from 'node:worker_threads';
import { createWasm3Engine } from '../../engine/wasm3/index.js';
import { AwaitedCalls } from './awaited-call.js';
import { CellProviders } from './cell-providers.js';
import { CellRuntime } from './cell-runtime.js';
import { LogLimit } from './log-limit.js';
import type { CellStart, FromCell, ToCell } from './protocol.js';

/** Entry of a cell's thread: wires the message port to the engines and does nothing else. */
function main(start: CellStart): void {
  const port = parentPort;
  if (port === null) throw new Error('a cell runs in a worker thread only');
  const post = (message: FromCell) => port.postMessage(message);
  const shared = new Int32Array(start.shared);
  const logs = new LogLimit((actor, level, message) => post({ type: 'log', actor, level, message }));
  const providers = new CellProviders((actor, level, message) => logs.write(actor, level, message));
  const runtime: CellRuntime = new CellRuntime({
    engine: createWasm3Engine(start.engine),
    shared,
    post,
    providers,
    logs,
    awaited: new AwaitedCalls(shared, start.replies, (call) => {
      runtime.flush();
      post({ type: 'hostcall', call });
    }),
  });
  port.on('message', (message: ToCell) => runtime.handle(message));
}

main(workerData as CellStart);
