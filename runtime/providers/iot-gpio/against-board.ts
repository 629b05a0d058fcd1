import type { Board } from '../../base/board.js';
import { lineOf } from '../../base/board-lines.js';
import { blaming } from '../../base/config/path-error.js';
import { IotError } from '../../base/errors.js';

type Direction = 'in' | 'out';

/** A grant, as far as the board has to do with it. */
interface Wanted {
  readonly lines: Readonly<Record<string, { readonly direction: Direction }>>;
}

/** Throws E_CONFIG for a line that the board does not have, that is reserved, or that cannot go that way. */
export function checkAgainstBoard({ lines }: Wanted, board: Board): void {
  for (const [name, { direction }] of Object.entries(lines))
    blaming(['lines', name], () => checkLine(name, direction, board));
}

function checkLine(name: string, direction: Direction, board: Board): void {
  const line = lineOf(board, name);
  if (line.reserved !== undefined) {
    const what = `line ${name} of board ${board.name} is not to be used: ${line.reserved}`;
    throw new IotError('E_CONFIG', what, { hint: 'take another line: iot-host board show' });
  }
  if (line.direction !== 'any' && line.direction !== direction) {
    throw new IotError(
      'E_CONFIG',
      `line ${name} of board ${board.name} is ${line.direction}, not ${direction}`,
    );
  }
}
