import { createHash } from 'node:crypto';

/** Per line: descriptor, direction, pulse, threads that use it now, and who holds it (64 bits of a hash). */
const FIELDS = 6;
const [FD, OUTPUT, PULSING, USERS, OWNER_HIGH, OWNER_LOW] = [0, 1, 2, 3, 4, 5];
const NOT_HELD = -1;

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
    Atomics.store(this.cells, at(line, PULSING), 0);
    Atomics.store(this.cells, at(line, OWNER_HIGH), high);
    Atomics.store(this.cells, at(line, OWNER_LOW), low);
    Atomics.store(this.cells, at(line, FD), fd);
  }

  /** Main thread: resolves at once with nobody using the line; its descriptor may be closed then. */
  close(line: number): void {
    Atomics.store(this.cells, at(line, FD), NOT_HELD);
    const users = at(line, USERS);
    for (let count = Atomics.load(this.cells, users); count > 0; count = Atomics.load(this.cells, users)) {
      Atomics.wait(this.cells, users, count, 1);
    }
  }

  /** Main thread: while a pulse runs only the main thread drives the line. */
  setPulsing(line: number, pulsing: boolean): void {
    Atomics.store(this.cells, at(line, PULSING), pulsing ? 1 : 0);
  }

  /**
   * Any thread: calls `use` with the descriptor, which stays open meanwhile. `undefined` when `owner` does not hold
   * the line, when it would drive an input, or while a pulse runs: the main thread is to be asked then.
   */
  use<T>(line: number, owner: string, drive: boolean, use: (fd: number) => T): T | undefined {
    const [high, low] = tag(owner);
    Atomics.add(this.cells, at(line, USERS), 1);
    try {
      const fd = Atomics.load(this.cells, at(line, FD));
      const held =
        fd !== NOT_HELD &&
        Atomics.load(this.cells, at(line, OWNER_HIGH)) === high &&
        Atomics.load(this.cells, at(line, OWNER_LOW)) === low;
      if (!held) return undefined;
      const may =
        Atomics.load(this.cells, at(line, OUTPUT)) === 1 && Atomics.load(this.cells, at(line, PULSING)) === 0;
      return drive && !may ? undefined : use(fd);
    } finally {
      Atomics.sub(this.cells, at(line, USERS), 1);
      Atomics.notify(this.cells, at(line, USERS));
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
