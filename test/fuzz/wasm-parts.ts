import fc from 'fast-check';
import { encodeU32 } from '#runtime/wasm/leb.js';
import { readSections, type Section } from '#runtime/wasm/sections.js';
import { rawChange } from './tree.js';

const HEADER_BYTES = 8;
const NUMBERS = [0, 1, 127, 128, 255, 16383, 16384, 65536, 0x7fffffff, 0x80000000, 0xffffffff];

/** A section as it can be wrong: any id, any body, a length that lies or has more bytes than it needs. */
interface Part {
  readonly id: number;
  readonly body: Uint8Array;
  readonly length: number;
  readonly padding: number;
}

function partOf(module: Uint8Array, { id, bodyStart, end }: Section): Part {
  return { id, body: module.subarray(bodyStart, end), length: end - bodyStart, padding: 0 };
}

function emit({ id, body, length, padding }: Part): Uint8Array {
  return Buffer.concat([Uint8Array.of(id), padded(length, padding), body]);
}

/** LEB128 of `value` with so many groups of zeros behind it. */
export function padded(value: number, groups: number): Uint8Array {
  const bytes = encodeU32(value >>> 0);
  if (groups === 0) return bytes;
  const last = bytes.length - 1;
  return Uint8Array.of(
    ...bytes.subarray(0, last),
    (bytes[last] ?? 0) | 0x80,
    ...new Array(groups - 1).fill(0x80),
    0,
  );
}

const OPERATIONS = [
  'delete',
  'duplicate',
  'swap',
  'splice',
  'lie',
  'pad',
  'id',
  'number',
  'set',
  'remove',
  'insert',
] as const;
interface Change {
  readonly operation: (typeof OPERATIONS)[number];
  readonly at: number;
  readonly other: number;
  readonly value: number;
}

function apply(parts: Part[], { operation, at, other, value }: Change): void {
  const place = at % parts.length;
  const part = parts[place];
  if (part === undefined) return;
  const second = parts[other % parts.length] ?? part;
  const number = NUMBERS[value % NUMBERS.length] ?? 0;
  const inBody = part.body.length === 0 ? 0 : other % part.body.length;
  const withBody = (body: Uint8Array) => {
    parts[place] = { ...part, body, length: body.length };
  };
  if (operation === 'delete') parts.splice(place, 1);
  else if (operation === 'duplicate') parts.splice(place, 0, part);
  else if (operation === 'swap') parts.splice(place, 1, second);
  else if (operation === 'splice')
    withBody(Buffer.concat([part.body.subarray(0, inBody), second.body.subarray(value)]));
  else if (operation === 'lie')
    parts[place] = { ...part, length: value % 2 === 0 ? number : part.length + (value % 7) - 3 };
  else if (operation === 'pad') parts[place] = { ...part, padding: value % 6 };
  else if (operation === 'id') parts[place] = { ...part, id: value % 16 };
  else if (operation === 'number') {
    withBody(
      Buffer.concat([
        part.body.subarray(0, inBody),
        padded(number, value % 3),
        part.body.subarray(inBody + 1),
      ]),
    );
  } else if (operation === 'set') withBody(rawChange(part.body, inBody, value, 'set'));
  else if (operation === 'insert') withBody(rawChange(part.body, inBody, value, 'insert'));
  else withBody(Buffer.concat([part.body.subarray(0, inBody), part.body.subarray(inBody + 1 + (value % 4))]));
}

/** A module with up to five changes to its sections, then up to two to its bytes. */
export function damagedModule(modules: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const samples = modules.map((module) => readSections(module).map((section) => partOf(module, section)));
  const change = fc.record({
    operation: fc.constantFrom(...OPERATIONS),
    at: fc.nat(30),
    other: fc.nat(30_000),
    value: fc.nat(255),
  });
  const raw = fc.record({
    at: fc.nat(30_000),
    value: fc.nat(255),
    how: fc.constantFrom('set', 'cut', 'insert', 'append'),
  });
  return fc
    .tuple(fc.nat(samples.length - 1), fc.array(change, { maxLength: 5 }), fc.array(raw, { maxLength: 2 }))
    .map(([which, changes, raws]) => {
      const parts = [...(samples[which] ?? [])];
      for (const one of changes) if (parts.length > 0) apply(parts, one);
      const header = modules[which]?.subarray(0, HEADER_BYTES) ?? new Uint8Array();
      let bytes = Uint8Array.from(Buffer.concat([header, ...parts.map(emit)]));
      for (const { at, value, how } of raws) bytes = rawChange(bytes, at % (bytes.length + 1), value, how);
      return bytes;
    });
}
