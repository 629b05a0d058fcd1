import { createHash } from 'node:crypto';
import { decodeRecord, STATE_BYTES } from '#runtime/ota/storage/record-codec.js';
import type { Disk, Item } from './disk.js';

interface Fingerprint {
  readonly text: string;
  /** Of a record that is whole. */
  readonly generation?: number;
}

const prints = new WeakMap<Uint8Array, Fingerprint>();

/**
 * The same for disks on which a device behaves alike. Two records differ by what they say and by which of them is
 * newer, not by how often the host was started or reported, or by the hour; all torn ones of a size are one.
 */
export function fingerprint(disk: Disk): string {
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
  return createHash('sha256')
    .update([...lines, ...contents].join('\n'))
    .digest('base64');
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
  return { text: `${size} ${sha256(Buffer.from(JSON.stringify({ ...said, outbox })))}`, generation };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}
