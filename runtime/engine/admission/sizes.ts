import { IotError } from '../../base/errors.js';
import {
  MAX_BLOCK_NESTING,
  MAX_DATA_SEGMENTS,
  MAX_ELEMENT_SEGMENTS,
  MAX_FUNCTIONS,
  MAX_LOCALS,
  MAX_TABLE_ENTRIES,
} from '../../base/limits.js';
import type { Module } from '../../wasm/module.js';

/** Throws E_LIMIT when the memory starts with, or declares that it may grow to, more than `pages`. */
export function refuseMemory({ memories }: Module, pages: number): void {
  for (const { minimum, maximum } of memories) {
    refuseAbove('memory starts with', minimum, pages, 'pages');
    // Without a declared maximum the engine stops growth at the grant.
    if (maximum !== undefined) refuseAbove('memory may grow to', maximum, pages, 'pages');
  }
}

/** Throws E_LIMIT for what would make compiling cost more than a small machine has. */
export function refuseSizes(module: Module): void {
  const { imports, functions, types, tables, data, elements, bodies } = module;
  refuseAbove('module has', functions.length + imports.length, MAX_FUNCTIONS, 'functions');
  refuseAbove('module has', data.length, MAX_DATA_SEGMENTS, 'data segments');
  refuseAbove('module has', elements.length, MAX_ELEMENT_SEGMENTS, 'element segments');
  for (const { minimum } of tables) refuseAbove('table has', minimum, MAX_TABLE_ENTRIES, 'entries');
  bodies.forEach(({ locals, nesting }, position) => {
    const type = types[functions[position] ?? 0];
    const name = `function ${imports.length + position} has`;
    refuseAbove(name, locals + (type?.parameters.length ?? 0), MAX_LOCALS, 'locals');
    refuseAbove(name, nesting, MAX_BLOCK_NESTING, 'nested blocks');
  });
}

function refuseAbove(what: string, value: number, limit: number, unit: string): void {
  if (value > limit) throw new IotError('E_LIMIT', `${what} ${value} ${unit}, the limit is ${limit}`);
}
