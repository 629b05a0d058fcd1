import type { Board, BoardData, BoardLine, ChipFunctions, Header } from './board.js';
import { blaming } from './config/path-error.js';
import { IotError } from './errors.js';
import { nearest } from './nearest.js';

/** The lines that a header brings, by name, with what the chip can make of each. */
function headerLines({ pins }: Header, chip?: ChipFunctions): Record<string, BoardLine> {
  const lines: Record<string, BoardLine> = {};
  for (const [position, pin] of Object.entries(pins)) {
    if ('power' in pin) continue;
    const { gpio, note, reserved } = pin;
    const functions = chip?.functions[gpio];
    lines[`GPIO${gpio}`] = {
      ...{ offset: gpio, direction: 'any', pin: Number(position) },
      ...(functions === undefined ? {} : { functions }),
      ...(note === undefined ? {} : { description: note }),
      ...(reserved === undefined ? {} : { reserved }),
    };
  }
  return lines;
}

/**
 * A board with the lines of its header among its own. A line of its own at the place of one of these is that line by
 * another name: on the same pin, and as reserved as before.
 */
export function completeBoard(data: BoardData, pins: Header | undefined, chip?: ChipFunctions): Board {
  if (pins === undefined) return data;
  const lines = headerLines(pins, chip);
  const renamed: Record<string, string> = {};
  for (const [name, own] of Object.entries(data.gpio.lines)) {
    const [onHeader, line] =
      Object.entries(lines).find(([, { offset }]) => offset === own.offset && isOnChip(own, data)) ?? [];
    if (onHeader !== undefined) {
      delete lines[onHeader];
      if (onHeader !== name) renamed[onHeader] = name;
    }
    lines[name] = { ...line, ...own };
  }
  return { ...data, gpio: { ...data.gpio, lines }, pins, renamed };
}

/** Whether a line is one of the board's own chip, as the lines of a header are. */
export function isOnChip({ chip }: BoardLine, { gpio }: Pick<BoardData, 'gpio'>): boolean {
  return chip === undefined || chip === gpio.chip;
}

/**
 * The board with names that a configuration gives (`{LED: GPIO17}`). A line has one name: the other is gone. Throws
 * E_CONFIG for a line that the board does not have, for a second name, and for one that another line has.
 */
export function nameLines(board: Board, names: Readonly<Record<string, string>>): Board {
  const lines = { ...board.gpio.lines };
  const given = new Map<string, string>();
  const nameLine = (was: string, name: string) => {
    const earlier = given.get(was);
    if (earlier !== undefined) throw new IotError('E_CONFIG', `line ${was} is called ${earlier} already`);
    const line = Object.hasOwn(board.gpio.lines, was) ? board.gpio.lines[was] : undefined;
    if (line === undefined) throw noLine(board, was, ` that could be called ${name}`);
    if (Object.hasOwn(lines, name) && name !== was)
      throw new IotError('E_CONFIG', `board ${board.name} has a line ${name} already`);
    delete lines[was];
    lines[name] = line;
    given.set(was, name);
  };
  for (const [name, was] of Object.entries(names)) blaming([name], () => nameLine(was, name));
  return { ...board, gpio: { ...board.gpio, lines }, renamed: renamedTo(board.renamed ?? {}, given) };
}

/** The names that lines would have, with those that they have now. */
function renamedTo(before: Readonly<Record<string, string>>, given: ReadonlyMap<string, string>) {
  const moved = Object.entries(before).map(([first, was]) => [first, given.get(was) ?? was]);
  return Object.fromEntries([...moved, ...given].filter(([was, name]) => was !== name));
}

/** The line of that name. Throws E_CONFIG with the hint of `lineHint`. */
export function lineOf(board: Board, name: string): BoardLine {
  const line = Object.hasOwn(board.gpio.lines, name) ? board.gpio.lines[name] : undefined;
  if (line !== undefined) return line;
  throw noLine(board, name);
}

function noLine(board: Board, name: string, purpose = ''): IotError {
  return new IotError('E_CONFIG', `board ${board.name} has no line ${name}${purpose}`, {
    hint: lineHint(board, name),
  });
}

/** For a line that there is not: what it is called instead, which name was meant, or which lines there are. */
export function lineHint({ gpio, renamed = {} }: Board, name: string): string {
  const names = Object.keys(gpio.lines);
  // A bare number is that of the chip, as on most drawings of a header.
  const word = /^\d+$/.test(name) ? `GPIO${name}` : name;
  const meant = nearest(word, [...names, ...Object.keys(renamed)]);
  if (meant === undefined) return `its lines are ${names.join(', ')}`;
  const now = Object.hasOwn(renamed, meant) ? renamed[meant] : undefined;
  return now === undefined ? `did you mean ${meant}?` : `${meant} is called ${now} here`;
}
