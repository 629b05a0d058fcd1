import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { z } from 'zod';
import { type Board, BoardData, ChipData, HeaderData } from '../base/board.js';
import { completeBoard } from '../base/board-lines.js';
import { checkShape } from '../base/config/shape.js';
import { asIotError, IotError } from '../base/errors.js';

/** From dist/runtime/compose/ to boards/. */
const BOARDS = new URL('../../../boards/', import.meta.url);

/** Names of all boards. */
export const listBoards = (): Promise<string[]> => namesIn('.');

async function namesIn(folder: string): Promise<string[]> {
  const files = (await readdir(new URL(folder, BOARDS))).filter((file) => file.endsWith('.yaml'));
  return files.map((file) => file.replace(/\.yaml$/, '')).sort();
}

/** The board of that name, one file under `boards/`. Throws E_CONFIG naming those there are. */
export async function loadBoard(name: string): Promise<Board> {
  const known = await listBoards();
  // Looked up, never joined: the name may come from anywhere.
  if (!known.includes(name)) {
    throw new IotError('E_CONFIG', `there is no board "${name}"`, { hint: `boards: ${known.join(', ')}` });
  }
  return wholeBoard(await readData(BoardData, `${name}.yaml`));
}

/** Names of the headers that boards share. */
export const listHeaders = (): Promise<string[]> => namesIn('headers/');

/** With the lines of the header that it names, and what its chip can make of them, where that is known. */
export async function wholeBoard(board: BoardData): Promise<Board> {
  const { header, chip } = board.gpio;
  if (header === undefined) return board;
  const known = (await namesIn('chips/')).includes(chip);
  return completeBoard(
    board,
    await readData(HeaderData, `headers/${header}.yaml`),
    known ? await readData(ChipData, `chips/${chip}.yaml`) : undefined,
  );
}

async function readData<T>(schema: z.ZodType<T>, file: string): Promise<T> {
  try {
    const data: unknown = parse(await readFile(new URL(file, BOARDS), 'utf8'));
    return checkShape(schema, data);
  } catch (thrown) {
    throw new IotError('E_CONFIG', `boards/${file} is not what it should be: ${asIotError(thrown).message}`);
  }
}
