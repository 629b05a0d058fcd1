#!/usr/bin/env node
import { run } from './run.js';

const streams = [process.stdout, process.stderr];

// `iot-host logs | head` is no failure: when nobody reads any more there is nothing left to do.
for (const stream of streams) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

const code = await run(process.argv.slice(2), process);
// A pipe takes what it is given in its own time, and `exit` does not wait for it.
for (const stream of streams) await new Promise<void>((resolve) => stream.write('', () => resolve()));
process.exit(code);
