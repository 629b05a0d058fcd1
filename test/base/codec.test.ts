import { decode as strictDecode, encode as strictEncode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import { failure } from '../helpers/providers.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('payload codecs', () => {
  it('write and read unit as nothing', () => {
    for (const codec of ['cbor', 'msgpack'] as const) {
      expect(encodePayload(codec, undefined)).toHaveLength(0);
      expect(decodePayload(codec, new Uint8Array(0))).toBeUndefined();
      expect(decodePayload(codec, encodePayload(codec, null))).toBeUndefined();
      expect(decodePayload(codec, encodePayload(codec, { a: 1, b: undefined }))).toEqual({ a: 1 });
    }
  });

  it('writes whole numbers beyond 32 bits as CBOR integers, wherever they stand', () => {
    expect(hex(encodePayload('cbor', 1_700_000_000_000))).toBe('1b0000018bcfe56800');
    expect(hex(encodePayload('cbor', -5_000_000_000))).toBe('3b000000012a05f1ff');
    expect(hex(encodePayload('cbor', { a: [4_294_967_296] }))).toBe('a16161811b0000000100000000');
    expect(hex(encodePayload('cbor', 2 ** 60))).toMatch(/^f[ab]/);
    expect(hex(encodePayload('cbor', Uint8Array.of(1, 2)))).toBe('420102');
  });

  it('reads a small CBOR integer in eight bytes as a number', () => {
    expect(decodePayload('cbor', Buffer.from('1b0000000000000005', 'hex'))).toBe(5);
    expect(decodePayload('cbor', Buffer.from('1b0000018bcfe56800', 'hex'))).toBe(1_700_000_000_000);
  });

  it('tolerates stray bytes after MessagePack, refuses them after CBOR, and names what is cut', async () => {
    expect(decodePayload('msgpack', Uint8Array.of(0x01, 0x00))).toBe(1);
    expect(await failure(() => decodePayload('cbor', Uint8Array.of(0x01, 0x00)))).toContain('E_PAYLOAD');
    for (const codec of ['cbor', 'msgpack'] as const) {
      const bytes = encodePayload(codec, { key: 'value' });
      expect(await failure(() => decodePayload(codec, bytes.subarray(0, 4)))).toContain(
        `E_PAYLOAD payload of 4 bytes is not valid ${codec}`,
      );
    }
  });

  const plain = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.string(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie('value'), { maxKeys: 4 }),
    ),
  })).value;

  it('agree with another CBOR implementation in both directions', () => {
    const same = (value: unknown) => {
      const ours = strictDecode(encodePayload('cbor', value));
      expect(ours).toEqual(value);
      expect(decodePayload('cbor', strictEncode(value))).toEqual(value);
    };
    fc.assert(fc.property(plain, same), { seed: 11, numRuns: 300 });
  });

  it('never throw anything but E_PAYLOAD on any bytes', () => {
    const total = async (codec: 'cbor' | 'msgpack', bytes: Uint8Array) => {
      const outcome = await failure(() => decodePayload(codec, bytes));
      expect(outcome).toMatch(/^(nothing was thrown|E_PAYLOAD )/);
    };
    const codec = fc.constantFrom('cbor' as const, 'msgpack' as const);
    return fc.assert(fc.asyncProperty(codec, fc.uint8Array({ maxLength: 64 }), total), {
      seed: 3,
      numRuns: 500,
    });
  });
});
