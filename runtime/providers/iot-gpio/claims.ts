import { existsSync } from 'node:fs';
import type { Board } from '../../base/board.js';
import { type Grant, isActiveLow, type LineGrant } from './contract.js';

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
