import type { z } from 'zod';
import type { IotError } from '../errors.js';
import type { Fault } from './faults.js';
import { keyPath } from './problem.js';
import { checkShape, ShapeError } from './shape.js';
import type { YamlSource } from './source.js';

/** Checks a file against a schema. Throws E_CONFIG with everything that is wrong at once, in the file's order. */
export function validate<T>(source: YamlSource, schema: z.ZodType<T>): T {
  try {
    return checkShape(schema, source.value);
  } catch (thrown) {
    throw thrown instanceof ShapeError ? faultsIn(source, thrown.faults) : thrown;
  }
}

/** E_CONFIG with one line for each fault, `file:line:column: key: what`, in the file's order. */
export function faultsIn(source: YamlSource, faults: readonly Fault[]): IotError {
  const problems = faults.map((fault) => ({
    offset: source.faultAt(fault),
    key: keyPath(fault.path),
    text: fault.text,
  }));
  return source.error(problems.sort((a, b) => a.offset - b.offset));
}
