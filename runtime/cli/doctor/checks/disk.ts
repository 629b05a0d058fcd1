import { dirname } from 'node:path';
import { type Check, type Finding, fail, ok, warn } from '../finding.js';
import type { Machine } from '../machine.js';

const MIB = 2 ** 20;
/** An update needs its module twice at the most, and the log and stores some room. */
const SCARCE = 64 * MIB;
const FULL = 8 * MIB;

/** The folder in which the host keeps everything. */
export const checkDisk: Check = async (machine, { config }): Promise<Finding[]> => {
  if (config === undefined) return [];
  const { dataDir } = config;
  const folder = await existing(dataDir, machine);
  const refusal = await machine.refusal(folder, 'rw');
  if (refusal === 'EROFS') {
    const fix = 'sudo mount -o remount,rw the file system, or set dataDir to one that can be written';
    return [fail('disk', `${folder} is on a file system that is read-only`, fix)];
  }
  if (refusal !== undefined) {
    const fix = `sudo chown -R ${machine.user} ${folder}, or set dataDir to a folder of yours`;
    return [fail('disk', `${machine.user} may not write to ${folder} (${refusal})`, fix)];
  }
  const free = await machine.freeBytes(folder);
  if (free === undefined) return [ok('disk', `${dataDir} can be written`)];
  const text = `${Math.floor(free / MIB)} MiB free for ${dataDir}`;
  const fix = 'df -h shows what is full; or set dataDir to another disk';
  if (free < FULL) return [fail('disk', text, fix)];
  return [free < SCARCE ? warn('disk', `only ${text}`, fix) : ok('disk', text)];
};

/** The folder itself, or the nearest one above it, in which it will be made. */
async function existing(folder: string, machine: Machine): Promise<string> {
  const gone = (await machine.refusal(folder, 'r')) === 'ENOENT';
  return gone && folder !== dirname(folder) ? existing(dirname(folder), machine) : folder;
}
