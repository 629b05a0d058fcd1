interface Span {
  /** The item exactly as it was encoded, head included: what digests and signatures are made over. */
  readonly raw: Uint8Array;
  /** Where the item starts, in bytes from the beginning of the outermost input. */
  readonly offset: number;
}

export interface IntItem extends Span {
  readonly kind: 'int';
  /** A `number` when it is a safe integer, else a `bigint`. */
  readonly value: number | bigint;
}
export interface BytesItem extends Span {
  readonly kind: 'bytes';
  /** The content: a view into the input, not a copy. */
  readonly value: Uint8Array;
}
export interface TextItem extends Span {
  readonly kind: 'text';
  readonly value: string;
}
export interface ArrayItem extends Span {
  readonly kind: 'array';
  readonly items: readonly CborItem[];
}
export interface MapItem extends Span {
  readonly kind: 'map';
  readonly entries: readonly (readonly [key: KeyItem, value: CborItem])[];
}
export interface TagItem extends Span {
  readonly kind: 'tag';
  readonly tag: number | bigint;
  readonly item: CborItem;
}
export interface SimpleItem extends Span {
  readonly kind: 'simple';
  readonly value: boolean | null;
}
export interface FloatItem extends Span {
  readonly kind: 'float';
  readonly value: number;
}

/** One decoded CBOR item (RFC 8949) that remembers where it came from. */
export type CborItem =
  | IntItem
  | BytesItem
  | TextItem
  | ArrayItem
  | MapItem
  | TagItem
  | SimpleItem
  | FloatItem;
export type KeyItem = IntItem | BytesItem | TextItem;
