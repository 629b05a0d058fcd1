import { IN_MAIN_THREAD, type Session } from '../../../base/contract.js';
import { systemError } from '../../../base/linux/errno.js';
import { type Libc, libc } from '../../../base/linux/libc.js';
import { sessionName } from '../../../base/sessions.js';
import type { Gpio, Grant, Level } from '../contract.js';
import { LineTable } from './line-table.js';
import { IOCTL, lineValues } from './uapi.js';

/** What the main thread lends to the part in a cell. */
export interface SharedLines {
  /** Line names, in the order of the table. */
  readonly names: readonly string[];
  readonly table: SharedArrayBuffer;
}

/** Operations that are one ioctl each: done in the actor's own thread. */
export const CELL_OPERATIONS = ['Read', 'Write', 'Toggle'] as const;

/** `iot:gpio` as far as an actor's own thread answers it; whatever is not plain goes to the main thread. */
export class GpioInCell implements Partial<Gpio> {
  readonly #table: LineTable;
  readonly #indices: ReadonlyMap<string, number>;
  readonly #system: Libc = libc();

  constructor({ names, table }: SharedLines) {
    this.#table = new LineTable(table);
    this.#indices = new Map(names.map((name, index) => [name, index]));
  }

  read(session: Session<Grant>, line: string): Level | Promise<never> {
    return this.#use(session, line, false, (fd) => this.#get(fd, line)) ?? IN_MAIN_THREAD;
  }

  write(session: Session<Grant>, line: string, value: Level): Promise<never> | undefined {
    const done = this.#use(session, line, true, (fd) => this.#set(fd, line, value));
    return done === undefined ? IN_MAIN_THREAD : undefined;
  }

  toggle(session: Session<Grant>, line: string): Level | Promise<never> {
    const toggled = this.#use(session, line, true, (fd) => {
      const value = this.#get(fd, line) === 1 ? 0 : 1;
      this.#set(fd, line, value);
      return value;
    });
    return toggled ?? IN_MAIN_THREAD;
  }

  #use<T>(session: Session<Grant>, line: string, drive: boolean, use: (fd: number) => T): T | undefined {
    const index = this.#indices.get(line);
    return index === undefined ? undefined : this.#table.use(index, sessionName(session), drive, use);
  }

  #get(fd: number, line: string): Level {
    const values = lineValues();
    this.#call(fd, IOCTL.getValues, values, line);
    return values[0] === 1 ? 1 : 0;
  }

  #set(fd: number, line: string, value: Level): true {
    this.#call(fd, IOCTL.setValues, lineValues(value), line);
    return true;
  }

  #call(fd: number, request: number, argument: Uint8Array, line: string): void {
    if (this.#system.ioctl(fd, request, argument) < 0)
      throw systemError(this.#system.errno(), `line ${line}`);
  }
}
