import { writeSync } from 'node:fs';
import { nodeFileSystem } from '#runtime/ota/index.js';
import { Bench, moduleBytes } from '../bench.js';

/**
 * A device in a process of its own, over the real disk: starts from `folder`, then installs the module `name`, if one is
 * named, with sequence number 2. What it comes to goes to stdout as it happens, by `write`, which nobody interferes with.
 */
const [folder = '', name] = process.argv.slice(2);
const say = (line: string) => void writeSync(1, `${line}\n`);

const bench = await Bench.start({ fs: nodeFileSystem, folder });
say(`started ${bench.running}`);
const status = bench.sink.status.bind(bench.sink);
bench.sink.status = (update) => {
  say(update.state);
  return status(update);
};
if (name !== undefined) await bench.push(2, moduleBytes(name));
await bench.updates.idle();
say(`runs ${bench.running}`);
