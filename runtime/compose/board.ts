import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { z } from 'zod';
import { type Board, BoardData, ChipData, type Header, HeaderData, headerLines } from '../base/board.js';
import { asIotError, IotError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';

/** From dist/runtime/compose/ to boards/. */
const BOARDS = new URL('../../../boards/', import.meta.url);
/** What the firmware says of the machine: strings, each ended by a zero byte, the most particular first. */
const COMPATIBLE = '/proc/device-tree/compatible';

/** Names of all boards. */
export async function listBoards(): Promise<string[]> {
  const files = (await readdir(BOARDS)).filter((file) => file.endsWith('.yaml'));
  return files.map((file) => file.replace(/\.yaml$/, '')).sort();
}

/** The board of that name, one file under `boards/`. Throws E_CONFIG naming those there are. */
export async function loadBoard(name: string): Promise<Board> {
  const known = await listBoards();
  // Looked up, never joined: the name may come from anywhere.
  if (!known.includes(name)) {
    throw new IotError('E_CONFIG', `there is no board "${name}"`, { hint: `boards: ${known.join(', ')}` });
  }
  const board = await readData(BoardData, `${name}.yaml`);
  const { header } = board.gpio;
  if (header === undefined) return board;
  const pins: Header = await readData(HeaderData, `headers/${header}.yaml`);
  const chip = await readData(ChipData, `chips/${board.gpio.chip}.yaml`);
  const lines = { ...headerLines(pins, chip), ...board.gpio.lines };
  return { ...board, gpio: { ...board.gpio, lines }, pins };
}

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
 * The board of a configuration. `auto`: what this machine is by its device tree, else `sim`; which of the two, and why,
 * is logged. Throws E_CONFIG for a name that there is not.
 */
export async function chooseBoard(
  name: string,
  logger: Pick<Logger, 'info' | 'warn'>,
  file: string = COMPATIBLE,
): Promise<Board> {
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

async function readData<T extends z.ZodType>(schema: T, file: string): Promise<z.infer<T>> {
  try {
    return schema.parse(parse(await readFile(new URL(file, BOARDS), 'utf8')));
  } catch (thrown) {
    throw new IotError('E_CONFIG', `boards/${file} is not what it should be: ${asIotError(thrown).message}`);
  }
}
