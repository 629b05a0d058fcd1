import { parentPort, Worker, workerData } from 'node:worker_threads';
import { libc } from '../../../runtime/base/linux/libc.js';
import { Chip } from '../../../runtime/providers/iot-gpio/chardev/chips.js';
import { Line, pollList } from '../../../runtime/providers/iot-gpio/chardev/line.js';
import {
  EVENT_BYTES,
  FLAG,
  IOCTL,
  lineValues,
  readEvents,
} from '../../../runtime/providers/iot-gpio/chardev/uapi.js';
import { serve } from '../subject.js';

interface Options {
  readonly chip: string;
  readonly input: number;
  readonly output: number;
  /** Whether the edge is passed on by the event loop, or at once by the thread that waits for it. */
  readonly eventLoop: boolean;
}

interface Loop {
  readonly from: number;
  /** Without it the level is handed to the event loop. */
  readonly to: number | undefined;
}

/** Waits for edges and passes them on, with nothing around it. */
function loop({ from, to }: Loop): void {
  const system = libc();
  const list = pollList([from]);
  const events = new Uint8Array(EVENT_BYTES);
  for (;;) {
    if (system.poll(list, 1, -1) <= 0) continue;
    system.read(from, events, events.length);
    const level = readEvents(events)[0]?.edge === 'rising' ? 1 : 0;
    if (to === undefined) parentPort?.postMessage(level);
    else system.ioctl(to, IOCTL.setValues, lineValues(level));
  }
}

if (parentPort !== null) loop(workerData as Loop);
else {
  await serve(async ({ chip: label, input, output, eventLoop }: Options) => {
    const system = libc();
    const chip = Chip.open(label, system);
    const flags = FLAG.input | FLAG.rising | FLAG.falling;
    const from = new Line(chip, 'input', input, 'plain', { flags }, system);
    const to = new Line(chip, 'output', output, 'plain', { flags: FLAG.output, level: 0 }, system);
    const data: Loop = { from: from.fd, to: eventLoop ? undefined : to.fd };
    const worker = new Worker(new URL(import.meta.url), { workerData: data });
    worker.on('message', (level: 0 | 1) => to.write(level));
    return {
      hello: {},
      // The thread sits in a call that does not end.
      stop: async () => void process.kill(process.pid, 'SIGKILL'),
    };
  });
}
