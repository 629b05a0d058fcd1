import type { Board } from '../../base/board.js';
import { lineOf } from '../../base/board-lines.js';
import { IotError } from '../../base/errors.js';

/** A grant, as far as the board has to do with it. */
interface Wanted {
  readonly lines: Readonly<Record<string, { readonly direction: 'in' | 'out' }>>;
}

/** Throws E_CONFIG for a line that the board does not have, that is reserved, or that cannot go that way. */
export function checkAgainstBoard({ lines }: Wanted, board: Board): void {
  for (const [name, { direction }] of Object.entries(lines)) {
    const line = lineOf(board, name);
    if (line.reserved !== undefined) {
      throw new IotError(
        'E_CONFIG',
        `line ${name} of board ${board.name} is not to be used: ${line.reserved}`,
        {
          hint: 'take another line: iot-host board show',
        },
      );
    }
    if (line.direction !== 'any' && line.direction !== direction) {
      throw new IotError(
        'E_CONFIG',
        `line ${name} of board ${board.name} is ${line.direction}, not ${direction}`,
      );
    }
  }
}
