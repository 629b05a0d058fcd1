import { apply, Disk, type Item, parentOf } from './disk.js';

/**
 * Every disk that a power cut may leave behind: each subset of the changes of names that were not synced, with each
 * file that was not synced old, empty, cut off in the middle, whole, full of zeros, or torn where it was overwritten.
 */
export function* imagesOf(disk: Disk): Generator<Disk> {
  for (const done of product(disk.unsynced.map(() => [true, false]))) {
    const names = new Map(disk.stored);
    for (const [index, change] of disk.unsynced.entries()) {
      if (done[index]) for (const [path, item] of change) apply(names, path, item);
    }
    for (const path of names.keys()) if (!reachable(names, path)) names.delete(path);
    const items = [...new Set(names.values())];
    for (const contents of product(items.map(contentsOf))) {
      const copies = new Map(items.map((item, index) => [item, durable(item, contents[index])]));
      yield Disk.of([...names].map(([path, item]) => [path, copies.get(item) ?? item]));
    }
  }
}

/** A path is lost with any of its folders. */
function reachable(names: ReadonlyMap<string, Item>, path: string): boolean {
  const parent = parentOf(path);
  return parent === '' || (names.get(parent)?.folder === true && reachable(names, parent));
}

function durable(item: Item, content: Uint8Array = item.durable): Item {
  return { folder: item.folder, durable: content, volatile: content };
}

const variants = new WeakMap<Uint8Array, WeakMap<Uint8Array, Uint8Array[]>>();

function contentsOf({ durable, volatile }: Item): Uint8Array[] {
  if (durable === volatile) return [durable];
  const of = variants.get(volatile) ?? new WeakMap<Uint8Array, Uint8Array[]>();
  variants.set(volatile, of);
  const known = of.get(durable) ?? distinct(survivors(durable, volatile));
  of.set(durable, known);
  return known;
}

function survivors(durable: Uint8Array, volatile: Uint8Array): Uint8Array[] {
  const half = volatile.slice(0, volatile.length >> 1);
  return [
    durable,
    new Uint8Array(0),
    half,
    volatile,
    new Uint8Array(volatile.length),
    torn(durable, volatile),
  ];
}

/** The first half of what changed, and what was there before for the rest. */
function torn(durable: Uint8Array, volatile: Uint8Array): Uint8Array {
  let from = 0;
  while (from < volatile.length && volatile[from] === durable[from]) from += 1;
  let to = volatile.length;
  while (to > from && volatile[to - 1] === durable[to - 1]) to -= 1;
  const middle = (from + to) >> 1;
  const content = new Uint8Array(Math.max(durable.length, middle));
  content.set(durable);
  content.set(volatile.subarray(0, middle));
  return content;
}

function distinct(contents: Uint8Array[]): Uint8Array[] {
  return contents.filter(
    (each, index) => contents.findIndex((other) => Buffer.compare(other, each) === 0) === index,
  );
}

function* product<T>(choices: readonly (readonly T[])[]): Generator<T[]> {
  const [first, ...rest] = choices;
  if (first === undefined) {
    yield [];
    return;
  }
  for (const others of product(rest)) for (const one of first) yield [one, ...others];
}
