import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import type { CborValue } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { keyId, keyName } from '#runtime/trust/cose/key.js';
import { createSign1 } from '#runtime/trust/cose/sign1.js';
import { type Signer, signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument } from '#runtime/trust/document/document.js';
import { decodeReply, encodeReply } from '#runtime/trust/rpc/reply.js';
import {
  createRequest,
  decodeRequest,
  encodeRequest,
  type Request,
  type RequestContext,
  verifyRequest,
} from '#runtime/trust/rpc/request.js';
import { normal, PROPERTY, plainValue } from '../cbor/arbitrary.js';
import { cutCodes, flipCodes, rangeOf } from '../flips.js';

const [operator, releaser, stranger] = [1, 2, 3].map((fill) =>
  signerFromSeed(new Uint8Array(32).fill(fill)),
) as [Signer, Signer, Signer];
const roles = { root: { keys: [releaser.publicKey] }, release: { keys: [releaser.publicKey] } };
const control = { keys: [operator.publicKey] };
const trust = createTrustDocument({ version: 1, issued: 0, roles: { ...roles, control } });
const request: Request = {
  device: 'pi-01',
  session: 5,
  counter: 8,
  operation: 'actor.stop',
  args: { name: 'blink', force: true, wait: 1.5, data: Uint8Array.of(1, 2) },
};
const context: RequestContext = { device: 'pi-01', session: 5, lastCounter: () => 7 };

function outcome(bytes: Uint8Array, changes: Partial<RequestContext> = {}, document = trust): unknown {
  try {
    return verifyRequest(bytes, document, { ...context, ...changes });
  } catch (error) {
    if (!(error instanceof IotError)) throw error;
    return error.code;
  }
}
const signed = (changes: Partial<Request> = {}, by = operator) =>
  createRequest(by, { ...request, ...changes });

describe('a signed request', () => {
  it('is taken from a control key, with its arguments as they were', () => {
    expect(outcome(signed())).toEqual({
      operation: 'actor.stop',
      args: request.args,
      counter: 8,
      kid: keyName(operator.publicKey),
    });
    expect(outcome(signed({ session: 'f00d' }), { session: 'f00d' })).toMatchObject({ counter: 8 });
    expect(outcome(signed({ counter: 0 }), { lastCounter: () => undefined })).toMatchObject({ counter: 0 });
  });

  it('asks for the last counter of the key that signed', () => {
    const asked: string[] = [];
    outcome(signed(), {
      lastCounter: (kid) => {
        asked.push(kid);
        return undefined;
      },
    });
    expect(asked).toEqual([keyName(operator.publicKey)]);
  });

  it('is refused from keys without the role', () => {
    expect(outcome(signed({}, stranger))).toBe('E_UNAUTHORISED');
    expect(outcome(signed({}, releaser))).toBe('E_UNAUTHORISED');
    expect(outcome(signed(), {}, createTrustDocument({ version: 1, issued: 0, roles }))).toBe(
      'E_UNAUTHORISED',
    );
    const two = { keys: [operator.publicKey, stranger.publicKey], threshold: 2 };
    const strict = createTrustDocument({ version: 1, issued: 0, roles: { ...roles, control: two } });
    expect(outcome(signed(), {}, strict)).toBe('E_UNAUTHORISED');
  });

  it('is refused when it is seen again, late, or elsewhere', () => {
    expect(outcome(signed(), { lastCounter: () => 8 })).toBe('E_REPLAY');
    expect(outcome(signed(), { lastCounter: () => 9 })).toBe('E_REPLAY');
    expect(outcome(signed(), { session: 6 })).toBe('E_REPLAY');
    expect(outcome(signed(), { session: '5' })).toBe('E_REPLAY');
    expect(outcome(signed(), { device: 'pi-02' })).toBe('E_WRONG_DEVICE');
  });

  it('is refused when any byte is flipped, and when cut anywhere', () => {
    const bytes = signed();
    const verify = (damaged: Uint8Array) => verifyRequest(damaged, trust, context);
    const regions = {
      kid: rangeOf(bytes, keyId(operator.publicKey)),
      payload: rangeOf(bytes, encodeRequest(request)),
      signature: [bytes.length - 64, bytes.length] as const,
    };
    expect(flipCodes(bytes, regions, verify)).toEqual({
      kid: ['E_UNAUTHORISED'],
      payload: ['E_SIGNATURE'],
      signature: ['E_SIGNATURE'],
      structure: ['E_ALG', 'E_ENVELOPE'],
    });
    expect(cutCodes(bytes, verify)).toEqual(['E_ENVELOPE']);
  });

  it.each<[string, CborValue]>([
    ['no map', []],
    ['nothing', new Map()],
    [
      'no arguments',
      new Map<number, CborValue>([
        [1, 'pi-01'],
        [2, 5],
        [3, 8],
        [4, 'ps'],
      ]),
    ],
    [
      'something more',
      new Map<number, CborValue>([
        [1, 'pi-01'],
        [2, 5],
        [3, 8],
        [4, 'ps'],
        [5, null],
        [6, 0],
      ]),
    ],
    [
      'a negative counter',
      new Map<number, CborValue>([
        [1, 'pi-01'],
        [2, 5],
        [3, -8],
        [4, 'ps'],
        [5, null],
      ]),
    ],
    [
      'a session of bytes',
      new Map<number, CborValue>([
        [1, 'pi-01'],
        [2, new Uint8Array(1)],
        [3, 8],
        [4, 'ps'],
        [5, null],
      ]),
    ],
    [
      'arguments with other keys',
      new Map<number, CborValue>([
        [1, 'pi-01'],
        [2, 5],
        [3, 8],
        [4, 'ps'],
        [5, new Map([[1, 2]])],
      ]),
    ],
  ])('is refused with %s inside', (_name, value) => {
    expect(outcome(createSign1(operator, writeCbor(value)))).toBe('E_ENVELOPE');
  });

  it('is refused unsigned, detached, or too large', () => {
    expect(outcome(encodeRequest(request))).toBe('E_ENVELOPE');
    expect(outcome(createSign1(operator, encodeRequest(request), { detached: true }))).toBe('E_ENVELOPE');
    expect(outcome(new Uint8Array(2_000_000))).toBe('E_TOO_LARGE');
    expect(() => signed({ args: new Uint8Array(2_000_000) })).toThrow(
      expect.objectContaining({ code: 'E_TOO_LARGE' }),
    );
    const megabyte = outcome(signed({ args: new Uint8Array(1024 * 1024) }));
    expect(megabyte).toMatchObject({ counter: 8 });
  });

  it('is read unsigned by a device that allows it', () => {
    expect(decodeRequest(encodeRequest(request))).toEqual(request);
  });

  it('carries any arguments', () => {
    fc.assert(
      fc.property(plainValue, (args) => {
        expect(outcome(signed({ args }))).toMatchObject({ counter: 8 });
        expect(decodeRequest(encodeRequest({ ...request, args })).args).toEqual(normal(args));
      }),
      { ...PROPERTY, numRuns: 50 },
    );
  });
});

describe('a reply', () => {
  it('carries a result', () => {
    expect(decodeReply(encodeReply({ counter: 3, result: { ps: [] } }))).toEqual({
      counter: 3,
      result: { ps: [] },
    });
    expect(decodeReply(encodeReply({ counter: 3, result: null }))).toEqual({ counter: 3, result: null });
  });

  it('carries an error with its code and hint', () => {
    const error = new IotError('E_NO_ACTOR', 'no actor blink on pi-01', { hint: 'iot-host ps' });
    const reply = decodeReply(encodeReply({ counter: 3, error }));
    expect('error' in reply && reply.error.toJSON()).toEqual(error.toJSON());
    const bare = decodeReply(encodeReply({ counter: 3, error: { code: 'E_NO_ACTOR', message: 'gone' } }));
    expect('error' in bare && bare.error.toJSON()).toEqual({ code: 'E_NO_ACTOR', message: 'gone' });
  });

  it('turns a code of a newer device into an internal error', () => {
    const error = { code: 'E_FUTURE', message: 'not known yet' };
    const bytes = writeCbor(
      new Map<number, CborValue>([
        [1, 3],
        [3, error],
      ]),
    );
    expect(decodeReply(bytes)).toMatchObject({ error: { code: 'E_INTERNAL', message: 'not known yet' } });
  });

  it.each<[string, CborValue]>([
    ['no counter', new Map([[2, 0]])],
    ['neither result nor error', new Map([[1, 0]])],
    [
      'both',
      new Map<number, CborValue>([
        [1, 0],
        [2, 0],
        [3, { code: 'E_NO_ACTOR', message: '' }],
      ]),
    ],
    [
      'an error without a message',
      new Map<number, CborValue>([
        [1, 0],
        [3, { code: 'E_NO_ACTOR' }],
      ]),
    ],
  ])('is refused with %s', (_name, value) => {
    expect(() => decodeReply(writeCbor(value))).toThrow(expect.objectContaining({ code: 'E_ENVELOPE' }));
  });
});
