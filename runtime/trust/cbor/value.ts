/**
 * What the writer takes. Numbers that are safe integers become CBOR integers, all others 64-bit floats; members
 * whose value is `undefined` are left out of maps. A plain object is a map with text keys.
 */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | Tagged
  | Encoded
  | readonly CborValue[]
  | ReadonlyMap<CborKey, CborValue | undefined>
  | { readonly [key: string]: CborValue | undefined };

export type CborKey = number | string | Uint8Array;

/** What arguments and results of requests are made of: exactly what JSON has, and bytes and 64-bit integers. */
export type PlainValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue | undefined };

/** A tag (major type 6) around a value. */
export class Tagged {
  constructor(
    readonly tag: number,
    readonly value: CborValue,
  ) {}
}

/** Bytes that are one encoded item already: written as they are, so that what was signed stays as it was signed. */
export class Encoded {
  constructor(readonly bytes: Uint8Array) {}
}
