import type { Disk } from './disk.js';
import { fingerprint } from './fingerprint.js';
import type { World } from './world.js';

export interface Moment {
  readonly disk: Disk;
  readonly world: World;
}

interface Known {
  readonly tolls: readonly number[];
  /** Cuts before it. */
  readonly depth: number;
}

/**
 * From where the device was started, over all levels. How often modules were started and have stopped the host is only
 * held against the device and changes nothing that it does: with more of both and as few cuts behind it, the same disk
 * shows whatever it would show with less.
 */
export class Explored {
  private readonly known = new Map<string, Known[]>();

  /** False when this has been seen, with as many cuts left and with as much or more that tells against the device. */
  add({ disk, world }: Moment, depth: number): boolean {
    const { starts, deaths: _deaths, ...said } = world;
    const key = `${fingerprint(disk)} ${JSON.stringify([said, Object.keys(starts).sort()])}`;
    const tolls = tollsOf(world);
    const known = this.known.get(key) ?? [];
    if (known.some((other) => other.depth <= depth && covers(other.tolls, tolls))) return false;
    this.known.set(key, [...known, { tolls, depth }]);
    return true;
  }
}

/** More is explored first. */
export function toll(world: World): number {
  return tollsOf(world).reduce((sum, each) => sum + each, 0);
}

/** In an order of its own, as the modules of `starts` are in the key. */
function tollsOf({ starts, deaths }: World): number[] {
  const counts = Object.keys(starts)
    .sort()
    .map((digest) => starts[digest] ?? 0);
  return [deaths, ...counts];
}

function covers(more: readonly number[], less: readonly number[]): boolean {
  return more.every((count, index) => count >= (less[index] ?? 0));
}
