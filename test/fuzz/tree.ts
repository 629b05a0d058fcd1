import fc from 'fast-check';
import type { CborItem } from '#runtime/trust/cbor/item.js';
import { readCbor } from '#runtime/trust/cbor/reader.js';

/**
 * CBOR that can be wrong on purpose: written as it stands, keys in any order and as often as they come, lengths
 * that may lie. Byte strings that hold CBOR are opened, so that damage reaches what lies deeper.
 */
interface Node {
  major: number;
  /** Number, tag, or the whole initial byte and what follows it for major type 7. */
  argument: bigint;
  content: Uint8Array;
  children: Node[];
  /** Added to the length or number that the head tells. */
  lie: bigint;
  /** Bytes of the head's argument beyond what is needed: 0, or up to 8. */
  padded: boolean;
}

const EDGES = [
  0n,
  1n,
  23n,
  24n,
  255n,
  256n,
  65535n,
  65536n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function nodeOf(item: CborItem): Node {
  const node = { argument: 0n, content: new Uint8Array(0), children: [] as Node[], lie: 0n, padded: false };
  switch (item.kind) {
    case 'int': {
      const value = BigInt(item.value);
      return { ...node, major: value < 0n ? 1 : 0, argument: value < 0n ? -1n - value : value };
    }
    case 'bytes': {
      const inside = opened(item.value);
      return { ...node, major: 2, content: item.value, children: inside === undefined ? [] : [inside] };
    }
    case 'text':
      return { ...node, major: 3, content: new TextEncoder().encode(item.value) };
    case 'array':
      return { ...node, major: 4, children: item.items.map(nodeOf) };
    case 'map':
      return {
        ...node,
        major: 5,
        children: item.entries.flatMap(([key, value]) => [nodeOf(key), nodeOf(value)]),
      };
    case 'tag':
      return { ...node, major: 6, argument: BigInt(item.tag), children: [nodeOf(item.item)] };
    default:
      return { ...node, major: 7, content: item.raw };
  }
}

/** Only arrays, maps and tags: a short byte string is mostly an id that looks like a number by chance. */
function opened(bytes: Uint8Array): Node | undefined {
  try {
    const item = readCbor(bytes);
    return item.kind === 'array' || item.kind === 'map' || item.kind === 'tag' ? nodeOf(item) : undefined;
  } catch {
    return undefined;
  }
}

function head(major: number, argument: bigint, padded: boolean): Uint8Array {
  const value = BigInt.asUintN(64, argument);
  const width =
    padded || value > 0xffffffffn ? 8 : value > 0xffffn ? 4 : value > 0xffn ? 2 : value > 23n ? 1 : 0;
  if (width === 0) return Uint8Array.of((major << 5) | Number(value));
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = (major << 5) | (24 + Math.log2(width));
  for (let at = 0; at < width; at++) bytes[width - at] = Number((value >> BigInt(8 * at)) & 0xffn);
  return bytes;
}

function emit(node: Node): Uint8Array {
  const { major, argument, content, children, lie, padded } = node;
  if (major === 7) return content;
  const inside = children.map(emit);
  if (major === 2 || major === 3) {
    const body = inside.length > 0 ? Buffer.concat(inside) : content;
    return Buffer.concat([head(major, BigInt(body.length) + lie, padded), body]);
  }
  const count = major === 4 ? BigInt(children.length) : major === 5 ? BigInt(children.length >> 1) : argument;
  return Buffer.concat([head(major, count + lie, padded), ...inside]);
}

/**
 * Makes CBOR of one spelling of it again, whatever it says: no lies, keys in order and each once. Most damage is
 * refused by the reader; this is what gets to those who look at what was read.
 */
function tidy(node: Node): Node {
  const { major } = node;
  const children = node.children.map(tidy);
  const plain = { ...node, children, lie: 0n, padded: false };
  if (major === 6) return { ...plain, children: children.slice(0, 1) };
  if (major !== 5) return plain;
  const members = new Map<string, Node[]>();
  for (let at = 0; at + 1 < children.length; at += 2) {
    const pair = children.slice(at, at + 2);
    members.set(Buffer.from(emit(pair[0] as Node)).toString('hex'), pair);
  }
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...plain, children: sorted.flatMap(([, pair]) => pair) };
}

const OPERATIONS = [
  'delete',
  'duplicate',
  'copy',
  'swap',
  'edge',
  'lie',
  'pad',
  'type',
  'flip',
  'wrap',
  'open',
  'sort',
  'member',
] as const;
interface Change {
  readonly operation: (typeof OPERATIONS)[number];
  readonly at: number;
  readonly other: number;
  readonly edge: number;
}

function all(node: Node): Node[] {
  return [node, ...node.children.flatMap(all)];
}
const clone = (node: Node): Node => ({ ...node, children: node.children.map(clone) });

function apply(root: Node, { operation, at, other, edge }: Change): void {
  const nodes = all(root);
  const node = nodes[at % nodes.length] as Node;
  const second = nodes[other % nodes.length] as Node;
  const parent = nodes.find(({ children }) => children.includes(node));
  const place = parent?.children.indexOf(node) ?? -1;
  const number = EDGES[edge % EDGES.length] ?? 0n;
  if (operation === 'delete') parent?.children.splice(place, 1);
  else if (operation === 'duplicate') parent?.children.splice(place, 0, clone(node));
  else if (operation === 'copy') Object.assign(node, clone(second));
  else if (operation === 'swap') {
    const before = clone(node);
    Object.assign(node, clone(second));
    if (!all(node).includes(second)) Object.assign(second, before);
  } else if (operation === 'edge') {
    Object.assign(node, { major: edge % 2, argument: number, children: [], content: new Uint8Array(0) });
  } else if (operation === 'lie') node.lie += edge % 2 === 0 ? number : BigInt((edge % 5) - 2);
  else if (operation === 'pad') node.padded = !node.padded;
  else if (operation === 'type') node.major = edge % 7;
  else if (operation === 'flip' && node.content.length > 0 && node.children.length === 0) {
    const content = Uint8Array.from(node.content);
    content[other % content.length] = (content[other % content.length] ?? 0) ^ (1 << (edge % 8));
    node.content = content;
  } else if (operation === 'wrap') {
    const inner = clone(node);
    Object.assign(node, { major: edge % 2 === 0 ? 2 : 4, children: [inner], lie: 0n, padded: false });
  } else if (operation === 'open' && node.children[0] !== undefined)
    Object.assign(node, clone(node.children[0]));
  else if (operation === 'sort') node.children.reverse();
  else if (operation === 'member') node.children.push(clone(second), { ...clone(node), children: [] });
}

/** Bytes beyond what any target takes are no news. */
const MAX_BYTES = 200_000;

/** A sample with up to six changes to its structure; then tidied, or up to two of its bytes changed as well. */
export function damaged(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const trees = samples.map((bytes) => nodeOf(readCbor(bytes)));
  const change = fc.record({
    operation: fc.constantFrom(...OPERATIONS),
    at: fc.nat(400),
    other: fc.nat(400),
    edge: fc.nat(63),
  });
  const raw = fc.record({
    at: fc.nat(4000),
    value: fc.nat(255),
    how: fc.constantFrom('set', 'cut', 'insert', 'append'),
  });
  return fc
    .tuple(
      fc.nat(trees.length - 1),
      fc.array(change, { maxLength: 6 }),
      fc.array(raw, { maxLength: 2 }),
      fc.boolean(),
    )
    .map(([which, changes, raws, neat]) => {
      const root = clone(trees[which] as Node);
      for (const one of changes) if (all(root).length < 2000) apply(root, one);
      let bytes = Uint8Array.from(emit(neat ? tidy(root) : root).subarray(0, MAX_BYTES));
      if (neat) return bytes;
      for (const { at, value, how } of raws) bytes = rawChange(bytes, at % (bytes.length + 1), value, how);
      return bytes;
    });
}

export function rawChange(
  bytes: Uint8Array,
  at: number,
  value: number,
  how: string,
): Uint8Array<ArrayBuffer> {
  if (how === 'cut') return Uint8Array.from(bytes.subarray(0, at));
  if (how === 'insert') return Uint8Array.of(...bytes.subarray(0, at), value, ...bytes.subarray(at));
  if (how === 'append') return Uint8Array.of(...bytes, value);
  return Uint8Array.from(bytes, (byte, index) => (index === at ? value : byte));
}
