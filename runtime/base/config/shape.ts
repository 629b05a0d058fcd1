import type { z } from 'zod';
import { IotError } from '../errors.js';
import type { ReasonCode } from '../reasons.js';
import { type Fault, faultsOf, type Within } from './faults.js';
import { keyPath } from './problem.js';

/** Faults that one line names; whoever sends a value may have put thousands into it. */
const MAX_NAMED = 8;

/** Everything that is wrong with a value; `message` has it in one line. */
export class ShapeError extends IotError {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[], { code = 'E_CONFIG', context }: About = {}) {
    const named = faults.slice(0, MAX_NAMED).map(faultText);
    if (faults.length > MAX_NAMED) named.push(`and ${faults.length - MAX_NAMED} more`);
    super(code, `${context === undefined ? '' : `${context}: `}${named.join('; ')}`);
    this.faults = faults;
  }
}

interface About {
  /** Default: E_CONFIG. */
  readonly code?: ReasonCode | undefined;
  /** What is in front of the message: `binding of blink to iot:gpio`. */
  readonly context?: string | undefined;
}

interface Reading extends About {
  /** Keys that belong there and were read by others. */
  readonly beside?: readonly string[] | undefined;
}

/** The value with its defaults. Throws `ShapeError`. */
export function checkShape<T>(schema: z.ZodType<T>, value: unknown, reading: Reading = {}): T {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const within: Within = { schema, value, beside: reading.beside ?? [] };
  throw new ShapeError(
    parsed.error.issues.flatMap((issue) => faultsOf(issue, within)),
    reading,
  );
}

/** `lines.LED: expected …`. */
export function faultText({ path, text }: Fault): string {
  return path.length === 0 ? text : `${keyPath(path)}: ${text}`;
}
