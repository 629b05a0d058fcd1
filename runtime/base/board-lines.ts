import type { Board, BoardData, BoardLine, ChipFunctions, Header } from './board.js';
import { IotError } from './errors.js';

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
  for (const [name, own] of Object.entries(data.gpio.lines)) {
    const [onHeader, line] =
      Object.entries(lines).find(([, { offset }]) => offset === own.offset && isOnChip(own, data)) ?? [];
    if (onHeader !== undefined) delete lines[onHeader];
    lines[name] = { ...line, ...own };
  }
  return { ...data, gpio: { ...data.gpio, lines }, pins };
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
  const renamed = new Map<string, string>();
  for (const [name, was] of Object.entries(names)) {
    const earlier = renamed.get(was);
    if (earlier !== undefined) throw new IotError('E_CONFIG', `line ${was} is called ${earlier} already`);
    const line = Object.hasOwn(board.gpio.lines, was) ? board.gpio.lines[was] : undefined;
    if (line === undefined) {
      throw new IotError('E_CONFIG', `board ${board.name} has no line ${was} that could be called ${name}`, {
        hint: `its lines are ${Object.keys(board.gpio.lines).join(', ')}`,
      });
    }
    if (Object.hasOwn(lines, name) && name !== was)
      throw new IotError('E_CONFIG', `board ${board.name} has a line ${name} already`);
    delete lines[was];
    lines[name] = line;
    renamed.set(was, name);
  }
  return { ...board, gpio: { ...board.gpio, lines } };
}
