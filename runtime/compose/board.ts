import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { type Board, BoardData } from '../base/board.js';
import { asIotError, IotError } from '../base/errors.js';

/** From dist/runtime/compose/ to boards/. */
const BOARDS = new URL('../../../boards/', import.meta.url);

/** The board of that name, one file under `boards/`. Throws E_CONFIG naming those there are. */
export async function loadBoard(name: string): Promise<Board> {
  const text = await readFile(new URL(`${name}.yaml`, BOARDS), 'utf8').catch(() => undefined);
  if (text === undefined) {
    const known = (await readdir(BOARDS)).map((file) => file.replace(/\.yaml$/, '')).join(', ');
    throw new IotError('E_CONFIG', `there is no board "${name}"`, { hint: `boards: ${known}` });
  }
  try {
    return BoardData.parse(parse(text));
  } catch (thrown) {
    throw new IotError('E_CONFIG', `boards/${name}.yaml is not a board: ${asIotError(thrown).message}`);
  }
}
