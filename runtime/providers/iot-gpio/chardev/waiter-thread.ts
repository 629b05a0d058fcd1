import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { libc } from '../../../base/linux/libc.js';
import { polled, pollList } from './line.js';
import { EVENT_BYTES, readEvents } from './uapi.js';
import type { WaitCommand, WaitedEvents, WaiterData } from './waiting.js';

/** Edges read at once. */
const BATCH = 64;
/** Milliseconds after which `poll` returns for nothing: a process that ends waits for this thread no longer. */
const POLL_MS = 1_000;

/** Sits in `poll` over all watched lines; the event loop of this thread is never reached, commands are fetched. */
function run({ wakeFd, done }: WaiterData): void {
  const port = parentPort;
  if (port === null) return;
  const system = libc();
  const carriedOut = new Int32Array(done);
  const watches = new Map<number, number>();
  const buffer = new Uint8Array(EVENT_BYTES * BATCH);
  const counter = new Uint8Array(8);
  const end = (fd: number) => {
    const watch = watches.get(fd);
    if (watch === undefined) return;
    watches.delete(fd);
    const message: WaitedEvents = { watch, events: [], ended: true };
    port.postMessage(message);
  };
  let list = pollList([wakeFd]);
  for (;;) {
    for (;;) {
      const received = receiveMessageOnPort(port) as { message: WaitCommand } | undefined;
      if (received === undefined) break;
      const { message } = received;
      if (message.do === 'add') watches.set(message.fd, message.watch);
      else if (message.do === 'remove') end(message.fd);
      list = pollList([wakeFd, ...watches.keys()]);
      Atomics.add(carriedOut, 0, 1);
      Atomics.notify(carriedOut, 0);
      if (message.do === 'end') return;
    }
    if (system.poll(list, 1 + watches.size, POLL_MS) <= 0) continue;
    if (polled(list, 0)) system.read(wakeFd, counter, counter.length);
    for (const [index, [fd, watch]] of [...watches].entries()) {
      if (!polled(list, index + 1)) continue;
      const length = system.read(fd, buffer, buffer.length);
      if (length > 0) {
        const message: WaitedEvents = { watch, events: readEvents(buffer.subarray(0, Number(length))) };
        port.postMessage(message);
      } else end(fd);
    }
    list = pollList([wakeFd, ...watches.keys()]);
  }
}

run(workerData as WaiterData);
