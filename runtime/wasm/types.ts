/** A number type, `v128` or a reference; `ref` stands for every type of the function-reference and GC proposals. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref' | 'exnref' | 'ref';

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Of a memory in pages, of a table in entries. */
export interface Limits {
  readonly minimum: number;
  readonly maximum: number | undefined;
  readonly shared: boolean;
  /** Addresses are 64 bits wide. */
  readonly wide: boolean;
  /** Pages are not of 64 KiB. */
  readonly customPageSize: boolean;
}

export interface TableType extends Limits {
  readonly element: ValueType;
  /** Entries have a starting value other than null. */
  readonly initialised: boolean;
}

export interface GlobalType {
  readonly type: ValueType;
  readonly mutable: boolean;
}

export type ImportKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

export interface Import {
  readonly module: string;
  readonly name: string;
  readonly kind: ImportKind;
  /** Index of the function's type; for functions only. */
  readonly typeIndex: number | undefined;
}

export interface Export {
  readonly name: string;
  readonly kind: ImportKind;
  readonly index: number;
}

const LETTERS: Readonly<Partial<Record<ValueType, string>>> = { i32: 'i', i64: 'I', f32: 'f', f64: 'F' };

/**
 * A function type as `results(parameters)` with `v` for no result, `i` i32, `I` i64, `f` f32, `F` f64 and `?` for
 * everything else: `i(ii)`.
 */
export function signatureOf(type: FunctionType): string {
  const letters = (types: readonly ValueType[]) => types.map((one) => LETTERS[one] ?? '?').join('');
  return `${letters(type.results) || 'v'}(${letters(type.parameters)})`;
}
