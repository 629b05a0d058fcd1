import { readFile } from 'node:fs/promises';
import { type Board, isBoardFile } from '../base/board.js';
import { nameLines } from '../base/board-lines.js';
import { type Where, withPlace } from '../base/config/line.js';
import type { HostConfig } from '../base/config/schema.js';
import { asIotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { listBoards, loadBoard } from './board-data.js';
import { readBoardFile } from './board-file.js';

/** What the firmware says of the machine: strings, each ended by a zero byte, the most particular first. */
const COMPATIBLE = '/proc/device-tree/compatible';

/** What the device tree says of this machine, the most particular first; empty on a machine without one. */
export async function deviceTree(file: string = COMPATIBLE): Promise<string[]> {
  const text = await readFile(file, 'latin1').catch(() => '');
  return text.split('\0').filter((entry) => entry !== '');
}

/** The board that a device tree describes; `undefined` where that names none that is known. */
export async function recogniseBoard(compatible: readonly string[]): Promise<string | undefined> {
  const boards = await Promise.all((await listBoards()).map(loadBoard));
  for (const entry of compatible) {
    const found = boards.find((board) => board.compatible.includes(entry));
    if (found !== undefined) return found.name;
  }
  return undefined;
}

/**
 * The board of a configuration, its lines called as the configuration calls them. Throws E_CONFIG; `where` says of a
 * name where it stands.
 */
export async function boardOf(
  { board, lines }: Pick<HostConfig, 'board' | 'lines'>,
  logger: Pick<Logger, 'info' | 'warn'>,
  where?: Where,
): Promise<Board> {
  const chosen = await chooseBoard(board, logger);
  try {
    return nameLines(chosen, lines);
  } catch (thrown) {
    throw await withPlace(asIotError(thrown), ['lines'], where);
  }
}

/**
 * The board that a configuration names, or the file of one. `auto`: what this machine is by its device tree, else `sim`; which of the two, and why,
 * is logged. Throws E_CONFIG for a name that there is not, and for a file that is not what it should be.
 */
export async function chooseBoard(
  name: string,
  logger: Pick<Logger, 'info' | 'warn'>,
  file: string = COMPATIBLE,
): Promise<Board> {
  if (isBoardFile(name)) return readBoardFile(name);
  if (name !== 'auto') return loadBoard(name);
  const compatible = await deviceTree(file);
  const found = await recogniseBoard(compatible);
  if (found !== undefined) {
    logger.info(`board: ${found}, as the device tree of this machine says`);
    return loadBoard(found);
  }
  const [first] = compatible;
  if (first === undefined)
    logger.info('board: sim, as this machine has no device tree: its pins are simulated');
  else logger.warn(`board: sim, as no board is known by the name ${first}: its pins are simulated`);
  return loadBoard('sim');
}
