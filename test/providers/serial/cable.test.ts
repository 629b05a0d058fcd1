import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { afterAll, beforeAll } from 'vitest';
import { PtyCable } from './pty.js';

// What IOT_TEST_SERIAL does with two ports, over ptys.
const folder = await mkdtemp('/dev/shm/iot-serial-');
const cable = new PtyCable(folder, 'cable');
const kept: number[] = [];
beforeAll(async () => {
  await cable.plug({ held: false });
  // Else socat would end as soon as nobody has an end open. A cable lies there all the same.
  for (const end of [cable.near, cable.far]) kept.push(openSync(end, constants.O_RDWR | constants.O_NOCTTY));
});
afterAll(async () => {
  for (const end of kept) closeSync(end);
  await cable.unplug();
  await rm(folder, { recursive: true, force: true });
});
process.env.IOT_TEST_SERIAL = `${cable.near},${cable.far}`;
await import('./hardware.test.js');
