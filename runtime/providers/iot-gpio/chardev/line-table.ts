import { createHash } from 'node:crypto';

/** Per line: descriptor, direction, whether only the main thread drives it, who uses it now, who holds it (2). */
const FIELDS = 6;
const [FD, OUTPUT, ALONE, USERS, OWNER_HIGH, OWNER_LOW] = [0, 1, 2, 3, 4, 5];
const NOT_HELD = -1;

/** `USERS`: low half, how many threads; high half, a count that goes up when they are given up for dead. */
const COUNT = 0xffff;
const ERA_SHIFT = 16;
const ERAS = 0x7fff;
/** How long threads may take to come out of one system call, in milliseconds. A thread that was ended never does. */
const PATIENCE_MS = 1_000;

/**
 * The lines that are held, in memory that all threads see: an actor's own thread reads and drives its lines without
 * asking. Descriptors belong to the process, so a line held by one thread works in all.
 */
export class LineTable {
  private readonly cells: Int32Array;

  constructor(readonly memory: SharedArrayBuffer) {
    this.cells = new Int32Array(memory);
  }

  static of(lines: number): LineTable {
    const table = new LineTable(new SharedArrayBuffer(4 * FIELDS * Math.max(1, lines)));
    for (let line = 0; line < lines; line++) Atomics.store(table.cells, at(line, FD), NOT_HELD);
    return table;
  }

  /** Main thread: from now on other threads may use the line in the name of `owner`. */
  open(line: number, fd: number, output: boolean, owner: string): void {
    const [high, low] = tag(owner);
    Atomics.store(this.cells, at(line, OUTPUT), output ? 1 : 0);
    Atomics.store(this.cells, at(line, ALONE), 0);
    Atomics.store(this.cells, at(line, OWNER_HIGH), high);
    Atomics.store(this.cells, at(line, OWNER_LOW), low);
    Atomics.store(this.cells, at(line, FD), fd);
  }

  /** Main thread: when it returns nobody uses the line; its descriptor may be closed then. */
  close(line: number): void {
    Atomics.store(this.cells, at(line, FD), NOT_HELD);
    this.#settle(line);
  }

  /** Main thread: whether it alone drives the line. When it returns, no other thread is driving it. */
  driveAlone(line: number, alone: boolean): void {
    Atomics.store(this.cells, at(line, ALONE), alone ? 1 : 0);
    if (alone) this.#settle(line);
  }

  /**
   * Any thread: calls `use` with the descriptor, which stays open meanwhile. `undefined` when `owner` does not hold
   * the line, when it would drive an input, or what the main thread drives alone: that is to be asked then.
   */
  use<T>(line: number, owner: string, drive: boolean, use: (fd: number) => T): T | undefined {
    const [high, low] = tag(owner);
    const era = Atomics.add(this.cells, at(line, USERS), 1) >>> ERA_SHIFT;
    try {
      const fd = Atomics.load(this.cells, at(line, FD));
      const held =
        fd !== NOT_HELD &&
        Atomics.load(this.cells, at(line, OWNER_HIGH)) === high &&
        Atomics.load(this.cells, at(line, OWNER_LOW)) === low;
      if (!held) return undefined;
      const may =
        Atomics.load(this.cells, at(line, OUTPUT)) === 1 && Atomics.load(this.cells, at(line, ALONE)) === 0;
      return drive && !may ? undefined : use(fd);
    } finally {
      this.#leave(line, era);
    }
  }

  #leave(line: number, era: number): void {
    const users = at(line, USERS);
    for (;;) {
      const seen = Atomics.load(this.cells, users);
      // It took so long that it was given up: it is not in the count any more.
      if (seen >>> ERA_SHIFT !== era) return;
      if (Atomics.compareExchange(this.cells, users, seen, seen - 1) === seen) break;
    }
    Atomics.notify(this.cells, users);
  }

  /** A thread that is stopped from outside in the midst of `use` does not come to its end: it is not waited for. */
  #settle(line: number): void {
    const users = at(line, USERS);
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const seen = Atomics.load(this.cells, users);
      if ((seen & COUNT) === 0) return;
      const left = until - performance.now();
      if (left > 0) {
        Atomics.wait(this.cells, users, seen, left);
        continue;
      }
      const next = ((seen >>> ERA_SHIFT) + 1) & ERAS;
      if (Atomics.compareExchange(this.cells, users, seen, next << ERA_SHIFT) === seen) return;
    }
  }
}

function at(line: number, field: number | undefined): number {
  return line * FIELDS + (field ?? 0);
}

const TAGS = new Map<string, readonly [number, number]>();

/** 64 bits that stand for a session's name; kept, since a thread asks for the same few all the time. */
function tag(owner: string): readonly [number, number] {
  const known = TAGS.get(owner);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(owner).digest();
  const made = [digest.readInt32LE(0), digest.readInt32LE(4)] as const;
  TAGS.set(owner, made);
  return made;
}
