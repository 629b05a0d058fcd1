import { hash } from 'node:crypto';
import { MAX_STORES } from '#runtime/ota/machine/transitions.js';
import type { ComponentRecord } from '#runtime/ota/storage/record.js';
import { decodeRecord, STATE_BYTES } from '#runtime/ota/storage/record-codec.js';
import type { Disk, Item } from './disk.js';

interface Fingerprint {
  readonly text: string;
  /** Of a record that is whole. */
  readonly generation?: number;
}

const disks = new WeakMap<Disk, { readonly changes: number; readonly text: string }>();
const prints = new WeakMap<Uint8Array, Fingerprint>();

/**
 * The same for disks on which a device behaves alike. Left out of a record: its generation but for which of the two is
 * newer; the session and the numbers of reports, which are only ever counted up and passed on; the time floor, which is
 * compared with dates of expiry only, and nothing expires here; how many writes a deployment has had, while that is far
 * from the limit. All torn records of a size are one: none of them can be read.
 */
export function fingerprint(disk: Disk): string {
  const known = disks.get(disk);
  // Before an operation the disk is as it was after the one before it.
  if (known?.changes === disk.changes) return known.text;
  const text = made(disk);
  disks.set(disk, { changes: disk.changes, text });
  return text;
}

function made(disk: Disk): string {
  const numbers = new Map<Item, number>();
  const found: [string, Fingerprint][] = [];
  const number = (item: Item | undefined, path: string): string => {
    if (item === undefined) return '-';
    const known = numbers.get(item);
    if (known !== undefined) return String(known);
    numbers.set(item, numbers.size);
    if (!item.folder) {
      found.push(['d', contentOf(item.durable, path)]);
      if (item.volatile !== item.durable) found.push(['v', contentOf(item.volatile, path)]);
    }
    return `${numbers.size - 1}${item.folder ? '/' : ''}`;
  };
  const named = (names: ReadonlyMap<string, Item>) =>
    [...names]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([path, item]) => `${path} ${number(item, path)}`);
  const unsynced = disk.unsynced.map((change) =>
    change.map(([path, item]) => `${path} ${number(item, path)}`).join(),
  );
  const lines = [...named(disk.seen), ...named(disk.stored), ...unsynced];
  const generations = found.map(([, { generation }]) => generation).filter((each) => each !== undefined);
  const ranks = [...new Set(generations)].sort((one, other) => one - other);
  const contents = found.map(
    ([plane, { text, generation }]) =>
      `${plane} ${text} ${generation === undefined ? '' : ranks.indexOf(generation)}`,
  );
  return sha256([...lines, ...contents].join('\n'));
}

function contentOf(content: Uint8Array, path: string): Fingerprint {
  const known = prints.get(content);
  if (known !== undefined) return known;
  const print = /state\.[ab]$/.test(path) ? recordPrint(content) : { text: sha256(content) };
  prints.set(content, print);
  return print;
}

function recordPrint(content: Uint8Array): Fingerprint {
  const record = decodeRecord(content);
  const size = content.length < STATE_BYTES ? 'short' : 'full';
  if (record === undefined) return { text: `torn ${size}` };
  const { generation, session: _session, timeFloor: _timeFloor, reports: _reports, ...said } = record;
  const outbox = said.outbox.map(({ attempt: _attempt, ...entry }) => entry);
  const components = Object.entries(said.components).map(([slot, component]) => [slot, counted(component)]);
  const text = sha256(JSON.stringify({ ...said, outbox, components }));
  return { text: `${size} ${text}`, generation };
}

/** The writes for a deployment only count when there are MAX_STORES; few are as good as none, and more never come here. */
function counted({ stores, ...component }: ComponentRecord) {
  if (stores !== undefined && stores.count > MAX_STORES / 2) {
    throw new Error(`${stores.count} writes: too near to the limit to be left out of account`);
  }
  return { ...component, stores: stores?.deployment };
}

function sha256(content: Uint8Array | string): string {
  return hash('sha256', content, 'base64');
}
