import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { z } from 'zod';
import { type Board, BoardData, type Header, HeaderData, headerLines } from '../base/board.js';
import { asIotError, IotError } from '../base/errors.js';

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
  const lines = { ...headerLines(pins), ...board.gpio.lines };
  return { ...board, gpio: { ...board.gpio, lines }, pins };
}

/** The board that this machine is by its device tree; `undefined` where that names none that is known. */
export async function recogniseBoard(file: string = COMPATIBLE): Promise<string | undefined> {
  const text = await readFile(file, 'latin1').catch(() => '');
  const compatible = text.split('\0').filter((entry) => entry !== '');
  for (const entry of compatible) {
    for (const name of await listBoards()) {
      if ((await loadBoard(name)).compatible.includes(entry)) return name;
    }
  }
  return undefined;
}

async function readData<T extends z.ZodType>(schema: T, file: string): Promise<z.infer<T>> {
  try {
    return schema.parse(parse(await readFile(new URL(file, BOARDS), 'utf8')));
  } catch (thrown) {
    throw new IotError('E_CONFIG', `boards/${file} is not what it should be: ${asIotError(thrown).message}`);
  }
}
