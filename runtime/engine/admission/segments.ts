import { IotError } from '../../base/errors.js';
import type { Module } from '../../wasm/module.js';
import type { Segment } from '../../wasm/segments.js';

const PAGE_BYTES = 65_536;

/**
 * Throws E_MODULE for a segment outside of the starting table or memory. Such a module is valid but can never be
 * instantiated; wasm3 would enlarge its table for it.
 */
export function refuseSegments({ memories, tables, data, elements }: Module): void {
  refuseOutside('element', elements, tables[0]?.minimum ?? 0, 'table entries');
  refuseOutside('data', data, (memories[0]?.minimum ?? 0) * PAGE_BYTES, 'bytes of memory');
}

function refuseOutside(what: string, segments: readonly Segment[], room: number, unit: string): void {
  segments.forEach(({ offset, length }, index) => {
    if (offset === undefined || offset + length <= room) return;
    throw new IotError(
      'E_MODULE',
      `${what} segment ${index} ends at ${offset + length}, outside of the ${room} ${unit} at the start`,
    );
  });
}
