import { silentLogger } from '#runtime/base/logger.js';
import { MAX_STORES } from '#runtime/ota/machine/transitions.js';
import { type ComponentRecord, EMPTY_COMPONENT } from '#runtime/ota/storage/record.js';
import { StateFiles } from '#runtime/ota/storage/state-files.js';
import { publicFromSeed } from '#runtime/trust/ed25519.js';
import { readReport } from '#runtime/trust/suit/report.js';
import { systemError } from '../../helpers/memory-fs.js';
import { Bench, deviceSeed, envelopeFor, moduleBytes } from '../bench.js';
import { Disk } from '../explorer/disk.js';
import { FOLDER } from '../explorer/scenario.js';

/** A point of an update: a state just reported, the switch just made, or the n-th record of a life about to be written. */
export type Point = { readonly status: string } | { readonly did: string } | { readonly record: number };
/** `resumed`: the host was killed when it had switched, and this is in the probation that the next life goes on with. */
export type Where = Point | { readonly resumed: Point };
/** `error`: from there on the disk refuses each write of the record, until the host is started again. */
export type How = 'killed' | 'killed forever' | 'error';

export interface Outcome {
  /** Each life's statuses, with how many lives in a row had them; the message is desired again in each. */
  readonly lives: string[];
  /** Ends that were reported, in the same way. */
  readonly reports: string[];
  readonly running: string | undefined;
  /** What the disk says of the slot at the end, without the count of writes. */
  readonly record: Omit<ComponentRecord, 'stores'>;
  /** Reports that still wait. */
  readonly waiting: number;
}

const DWELL_MS = 5_000;
/** More lives than a deployment can have records. */
const MAX_LIVES = MAX_STORES + 4;
/** Of a module: one chunk. */
export const SIZE = 200;
const SETTLED = moduleBytes('good-1', { size: SIZE });

/** v1 runs, `name` is desired as sequence 2, and this happens there. */
export async function update(name: string, where: Where, how: How): Promise<Outcome> {
  const bytes = moduleBytes(name, { size: SIZE });
  const envelope = envelopeFor(2, bytes);
  let disk = Disk.empty('/data');
  await (await Bench.start({ fs: disk, folder: FOLDER })).push(1, SETTLED);
  const [first, point] = 'resumed' in where ? [2, where.resumed] : [1, where];
  const lives: string[][] = [];
  const reports: string[] = [];
  for (let life = 1; ; life++) {
    disk = disk.fork();
    const bench = await Bench.start({ fs: disk, folder: FOLDER, dwellMs: DWELL_MS });
    if (life < first) arm(bench, disk, { did: 'activate' }, 'killed');
    else if (life === first || how === 'killed forever') arm(bench, disk, point, how);
    bench.source.offer(bytes);
    bench.updates.desired('blink', envelope);
    await settled(bench, disk);
    lives.push(bench.sink.lines());
    const key = publicFromSeed(deviceSeed);
    reports.push(...bench.sink.reports.map((report) => readReport(report, key).state));
    if (life === MAX_LIVES || (!disk.dead && (how !== 'error' || life > first))) {
      const inRows = counted(lives.map((lines) => lines.join(', ')));
      return { lives: inRows, reports: counted(reports), running: bench.running, ...(await left(disk)) };
    }
  }
}

async function left(disk: Disk): Promise<Pick<Outcome, 'record' | 'waiting'>> {
  const last = disk.fork();
  last.dead = false;
  last.watch = () => {};
  const { components, outbox } = await new StateFiles(last, FOLDER, silentLogger).open();
  const { stores: _stores, ...record } = components.blink ?? EMPTY_COMPONENT;
  return { record, waiting: outbox.length };
}

/** `a`, `b × 3`, … */
function counted(lines: readonly string[]): string[] {
  const rows: { line: string; count: number }[] = [];
  for (const line of lines) {
    const last = rows.at(-1);
    if (last?.line === line) last.count += 1;
    else rows.push({ line, count: 1 });
  }
  return rows.map(({ line, count }) => (count === 1 ? line : `${line} × ${count}`));
}

function arm(bench: Bench, disk: Disk, where: Point, how: How): void {
  let broken = false;
  const here = () => {
    if (how === 'error') broken = true;
    else disk.dead = true;
  };
  let records = 0;
  disk.watch = (operation, path) => {
    if (operation !== 'pwrite' || !path.includes('state.')) return;
    // Called before and after.
    records += 0.5;
    if ('record' in where && records === where.record - 0.5) here();
    if (broken) throw systemError('EIO', path);
  };
  const { sink, target } = bench;
  const status = sink.status.bind(sink);
  sink.status = async (each) => {
    if (disk.dead) return;
    await status(each);
    if ('status' in where && each.state === where.status) here();
  };
  const log = target.log.push.bind(target.log);
  target.log.push = (...lines) => {
    const count = log(...lines);
    if ('did' in where && lines.some((line) => line.startsWith(where.did))) here();
    return count;
  };
}

async function settled(bench: Bench, disk: Disk): Promise<void> {
  let idle = false;
  const done = bench.updates.idle().then(() => {
    idle = true;
  });
  for (let waits = 0; waits < 200 && !disk.dead; waits++) {
    await new Promise(setImmediate);
    if (idle) return done;
    if (!disk.dead) bench.clock.next();
  }
  if (!disk.dead) throw new Error('it hangs');
}
