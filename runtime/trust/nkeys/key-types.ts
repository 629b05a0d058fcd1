/** Type bytes of public keys; their top five bits are the first letter of the text. */
export const KEY_PREFIX = {
  account: 0x00,
  cluster: 0x10,
  module: 0x60,
  server: 0x68,
  operator: 0x70,
  user: 0xa0,
  service: 0xa8,
  curve: 0xb8,
} as const;

export type KeyType = keyof typeof KEY_PREFIX;
/** Curve keys (X25519) encrypt; they cannot sign. */
export type SigningKeyType = Exclude<KeyType, 'curve'>;

export const SEED_PREFIX = 0x90;

const TYPE_OF: ReadonlyMap<number, KeyType> = new Map([
  [KEY_PREFIX.account, 'account'],
  [KEY_PREFIX.cluster, 'cluster'],
  [KEY_PREFIX.module, 'module'],
  [KEY_PREFIX.server, 'server'],
  [KEY_PREFIX.operator, 'operator'],
  [KEY_PREFIX.user, 'user'],
  [KEY_PREFIX.service, 'service'],
  [KEY_PREFIX.curve, 'curve'],
]);

const LETTERS: Readonly<Record<KeyType, string>> = {
  account: 'A',
  cluster: 'C',
  module: 'M',
  server: 'N',
  operator: 'O',
  user: 'U',
  service: 'V',
  curve: 'X',
};

export function typeOfPrefix(prefix: number): KeyType | undefined {
  return TYPE_OF.get(prefix);
}

/** The letter that public keys of a type begin with; their seeds begin with `S` and that letter. */
export function letterOf(type: KeyType): string {
  return LETTERS[type];
}
