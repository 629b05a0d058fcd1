import { expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { toJson } from '#runtime/cli/json.js';
import { showReply } from '#runtime/cli/payload.js';

it.each(['cbor', 'msgpack'] as const)('a reply in %s is shown as JSON, its bytes as hex', (codec) => {
  const value = { bytes: Uint8Array.of(1, 0xfe), list: [Buffer.of(7), null], at: 1_900_000_000_000 };
  expect(showReply(encodePayload(codec, value), { [codec]: '' })).toEqual({
    data: { reply: { bytes: '01fe', list: ['07', null], at: 1_900_000_000_000 } },
    text: ['{"bytes":"01fe","list":["07",null],"at":1900000000000}'],
  });
});

it.each<[unknown, unknown]>([
  [2n ** 60n, '1152921504606846976'],
  [5n, 5],
  [Number.NaN, 'NaN'],
  [Number.NEGATIVE_INFINITY, '-Infinity'],
  [new Map<unknown, unknown>([[1, Buffer.of(255)]]), { 1: 'ff' }],
  [new Date(0), '1970-01-01T00:00:00.000Z'],
  [
    [undefined, true, ''],
    [undefined, true, ''],
  ],
  [JSON.parse('{"__proto__": {"a": 1}}'), JSON.parse('{"__proto__": {"a": 1}}')],
])('%s becomes %j', (value, expected) => {
  expect(toJson(value)).toEqual(expected);
});
