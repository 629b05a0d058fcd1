import { existsSync } from 'node:fs';
import type { Board } from '../../base/board.js';
import { IotError } from '../../base/errors.js';
import { type Grant, isActiveLow, type LineGrant } from './contract.js';

/** Throws E_CONFIG for a line that the board does not have, that is reserved, or that cannot go that way. */
export function checkAgainstBoard(grant: Grant, board: Board): void {
  for (const [name, { direction }] of Object.entries(grant.lines)) {
    const line = Object.hasOwn(board.gpio.lines, name) ? board.gpio.lines[name] : undefined;
    if (line === undefined) {
      throw new IotError('E_CONFIG', `board ${board.name} has no line ${name}`, {
        hint: `its lines are ${Object.keys(board.gpio.lines).join(', ')}`,
      });
    }
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

/** Lines that are a pin of a serial port which this machine has switched on: the two take the pin from each other. */
export function sharedPins(
  grant: Grant,
  board: Board,
  isThere: (path: string) => boolean = existsSync,
): string[] {
  return Object.entries(board.ports).flatMap(([port, { path, pins }]) => {
    if (pins === undefined || !isThere(path)) return [];
    return Object.keys(grant.lines).flatMap((name) => {
      const { pin } = board.gpio.lines[name] ?? {};
      const signal = Object.entries(pins).find(([, position]) => position === pin)?.[0];
      if (signal === undefined) return [];
      return `line ${name} is header pin ${pin}, which is ${signal} of port ${port} (${path} is there): use one of them`;
    });
  });
}

/** Whether a line can stay claimed when its settings change from one to the other. */
export function sameClaim(one: LineGrant | undefined, other: LineGrant | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  if (isActiveLow(one) !== isActiveLow(other)) return false;
  if (one.direction === 'out') return other.direction === 'out' && one.drive === other.drive;
  return other.direction === 'in' && one.bias === other.bias;
}
