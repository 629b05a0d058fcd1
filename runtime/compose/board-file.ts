import { readFile } from 'node:fs/promises';
import { type Board, BoardData } from '../base/board.js';
import { isOnChip } from '../base/board-lines.js';
import { keyPath } from '../base/config/problem.js';
import { readYaml } from '../base/config/source.js';
import { validate } from '../base/config/validate.js';
import { IotError } from '../base/errors.js';
import { listBoards, listHeaders, wholeBoard } from './board-data.js';

interface Wrong {
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

/**
 * A board of one's own: a file as those under `boards/`. Throws E_CONFIG: no such file, or one line for each problem
 * with `file:line:column`, key and what was expected.
 */
export async function readBoardFile(file: string): Promise<Board> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${error.code})`;
    throw new IotError('E_CONFIG', `board ${file}: ${why}`);
  });
  // No variables: a board says what is soldered.
  const source = readYaml(file, text, {});
  const data = validate(source, BoardData);
  const wrong = [...(await unknownNames(data)), ...sameTwice(data)];
  const board = wrong.length === 0 ? await wholeBoard(data) : undefined;
  if (board !== undefined) wrong.push(...crossed(board));
  if (board !== undefined && wrong.length === 0) return board;
  throw source.error(
    wrong.map(({ path, text: what }) => ({ offset: source.valueAt(path), key: keyPath(path), text: what })),
  );
}

async function unknownNames({ name, gpio: { header } }: BoardData): Promise<Wrong[]> {
  const [boards, headers] = [await listBoards(), await listHeaders()];
  return [
    // Whoever asks a device for its board would be shown another one.
    ...(boards.includes(name)
      ? [{ path: ['name'], text: `${name} is a board of the host: take another name` }]
      : []),
    ...(header === undefined || headers.includes(header)
      ? []
      : [{ path: ['gpio', 'header'], text: `there is no such header, only ${headers.join(', ')}` }]),
  ];
}

/** Two names for one line or one device: each of two actors could have it. */
function sameTwice(data: BoardData): Wrong[] {
  const { gpio, ports } = data;
  const chipOf = (line: BoardData['gpio']['lines'][string]) =>
    isOnChip(line, data) ? gpio.chip : (line.chip ?? '');
  return [
    ...repeated(['gpio', 'lines'], gpio.lines, (line) => `line ${line.offset} of ${chipOf(line)}`),
    ...repeated(['gpio', 'lines'], gpio.lines, ({ pin }) => (pin === undefined ? undefined : `pin ${pin}`)),
    ...repeated(['ports'], ports, ({ path }) => path),
  ];
}

function repeated<T>(
  path: readonly PropertyKey[],
  entries: Readonly<Record<string, T>>,
  placeOf: (entry: T) => string | undefined,
): Wrong[] {
  const first = new Map<string, string>();
  return Object.entries(entries).flatMap(([name, entry]) => {
    const place = placeOf(entry);
    const earlier = place === undefined ? undefined : first.get(place);
    if (place !== undefined && earlier === undefined) first.set(place, name);
    return earlier === undefined ? [] : [{ path: [...path, name], text: `${place} is ${earlier} already` }];
  });
}

/** Lines of its own that are elsewhere on the header, or have the name of another one there. */
function crossed({ gpio, pins }: Board): Wrong[] {
  const lines = Object.entries(gpio.lines);
  return Object.entries(pins?.pins ?? {}).flatMap(([position, pin]) => {
    const what = 'power' in pin ? pin.power : `line ${pin.gpio} of ${gpio.chip}`;
    const wrong = lines.filter(([name, line]) => {
      const isHere = !('power' in pin) && line.offset === pin.gpio && isOnChip(line, { gpio });
      const claims = line.pin === Number(position) || (!('power' in pin) && name === `GPIO${pin.gpio}`);
      return claims && !isHere;
    });
    return wrong.map(([name]) => ({
      path: ['gpio', 'lines', name],
      text: `pin ${position} of the header is ${what}`,
    }));
  });
}
