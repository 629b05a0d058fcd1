import { Device } from './device.js';
import { type Disk, newItem } from './disk.js';
import { Explored, type Moment, toll } from './explored.js';
import { imagesOf } from './images.js';
import type { Scenario } from './scenario.js';
import { newWorld } from './world.js';

export interface Findings {
  /** Moments of the first life, before and after each operation and message, at which the power was cut. */
  points: number;
  /** Disks, with what the outside knew, from which the device was started. */
  images: number;
  /** What went wrong, with how it came to that. */
  readonly violations: string[];
}

export interface ExploreOptions {
  /** Cuts one after the other, each in the recovery from the one before it. */
  readonly cuts: number;
  /** Enough violations. Default: no limit. */
  readonly enough?: number;
}

interface Node extends Moment {
  /** How it came to this. */
  readonly history: readonly string[];
}

/**
 * Runs the scenario, and at each moment of it cuts the power with every outcome that this can have for the disk, or
 * kills the host and leaves the disk as the system has it; starts the device again on each, and so on. Not bounded by time,
 * but by the number of cuts and since the same disk is not started from twice.
 */
export async function explore(scenario: Scenario, options: ExploreOptions): Promise<Findings> {
  const { cuts, enough = Number.POSITIVE_INFINITY } = options;
  const findings: Findings = { points: 0, images: 0, violations: [] };
  const explored = new Explored();
  let level = [await start(scenario)];
  for (let depth = 0; level.length > 0; depth++) {
    const next: Node[] = [];
    // Copied only when it is new: most of what a cut leaves behind has been seen.
    const add = (nodes: Node[], at: Moment, make: () => Node): boolean => {
      if (!explored.add(at, nodes === level ? depth : depth + 1)) return false;
      nodes.push(make());
      return true;
    };
    level.sort((one, other) => toll(one.world) - toll(other.world));
    for (let node = level.pop(); node !== undefined; node = level.pop()) {
      if (findings.violations.length >= enough) return findings;
      findings.images += 1;
      const { history } = node;
      const disk = node.disk.fork();
      const world = structuredClone(node.world);
      const complain = (what: string, detail = '') => {
        findings.violations.push([detail === '' ? what : `${what}: ${detail}`, ...history].join('\n    '));
      };
      let moment = 0;
      const watch = (what: string) => {
        if (depth === cuts || disk.dead) return;
        moment += 1;
        if (depth === 0) findings.points += 1;
        const cut = (how: string, left: () => Disk) => () => ({
          disk: left(),
          world: structuredClone(world),
          history: [...history, `${how} at ${moment}: ${what}`],
        });
        const killed = cut('killed', () => disk.fork());
        // Had it been killed here before, then the power was cut here before, too.
        if (!add(next, { disk, world }, killed)) return;
        for (const image of imagesOf(disk)) {
          const off = cut('power cut', () => image);
          add(next, { disk: image, world }, off);
        }
      };
      disk.watch = (operation, path) =>
        watch(`${operation} ${path.replace(/([0-9a-f]{6})[0-9a-f]{58}/, '$1')}`);
      const device = new Device(scenario, disk, world, watch, complain, depth);
      const begun = world.step;
      // The first life goes through all steps; the others go as far as a step that many of them come to.
      const ended = await device.run(() => depth > 0 && world.step > begun);
      const goesOn = (left: Disk, how: string) =>
        add(level, { disk: left, world }, () => ({ disk: left, world, history: [...history, how] }));
      if (ended && world.step < scenario.steps.length) {
        goesOn(disk, `started again before step ${world.step}`);
      } else if (ended) {
        watch('the end');
        disk.watch = () => {};
        await device.prove();
      } else if (disk.dead && world.deaths < 10) {
        disk.dead = false;
        // The dead host still holds the other one.
        goesOn(disk.fork(), 'the module stopped the host');
      }
    }
    level = next;
  }
  return findings;
}

/** The steps that are done before, and the disk synced. */
async function start(scenario: Scenario): Promise<Node> {
  const disk = scenario.disk.fork();
  const world = newWorld();
  const failed = (what: string) => {
    throw new Error(`before the first cut: ${what}`);
  };
  const before = { ...scenario, steps: scenario.steps.slice(0, scenario.done) };
  if (scenario.done > 0) await new Device(before, disk, world, () => {}, failed).run();
  if (scenario.planted !== undefined) {
    const [path, content] = scenario.planted;
    disk.seen.set(path, newItem(false, content));
  }
  disk.settle();
  return { disk, world, history: [] };
}
