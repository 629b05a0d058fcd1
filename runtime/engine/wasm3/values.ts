import { IotError } from '../../base/errors.js';
import type { PlainValue } from '../engine.js';
import { VALUE_TYPES } from './shim.js';

export type ValueType = Exclude<(typeof VALUE_TYPES)[number], 'none'>;

const INTEGER = /^([+-]?)(0x[0-9a-f]+|[0-9]+)$/i;
const FLOAT = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i;
const SPECIAL: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['+Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

export function valueType(number: number): ValueType {
  const type = VALUE_TYPES[number];
  if (type === undefined || type === 'none') throw new IotError('E_FEATURE', `unknown value type ${number}`);
  return type;
}

/** Accepts what fits into the type signed or unsigned: -1 and 0xffffffff are the same i32. */
function parseInteger(text: string, bits: 32 | 64): bigint | undefined {
  const match = INTEGER.exec(text);
  if (match === null) return undefined;
  const magnitude = BigInt(match[2] ?? '');
  const value = match[1] === '-' ? -magnitude : magnitude;
  const half = 1n << BigInt(bits - 1);
  return value >= -half && value < 2n * half ? value : undefined;
}

function parseFloating(text: string): number | undefined {
  return SPECIAL.get(text) ?? (FLOAT.test(text) ? Number(text) : undefined);
}

/** Writes an argument given as text into its 64-bit slot. Throws E_USAGE when it does not fit its type. */
export function writeArgument(slots: DataView, index: number, type: ValueType, text: string): void {
  const at = index * 8;
  const value =
    type === 'i32' ? parseInteger(text, 32) : type === 'i64' ? parseInteger(text, 64) : parseFloating(text);
  if (value === undefined)
    throw new IotError('E_USAGE', `argument ${index + 1} is not an ${type}: '${text}'`);
  if (typeof value === 'bigint') slots.setBigInt64(at, BigInt.asIntN(64, value), true);
  else if (type === 'f32') slots.setFloat32(at, value, true);
  else slots.setFloat64(at, value, true);
}

export function readResult(slots: DataView, index: number, type: ValueType): PlainValue {
  const at = index * 8;
  switch (type) {
    case 'i32':
      return slots.getInt32(at, true);
    case 'i64':
      return slots.getBigInt64(at, true);
    case 'f32':
      return slots.getFloat32(at, true);
    case 'f64':
      return slots.getFloat64(at, true);
  }
}
