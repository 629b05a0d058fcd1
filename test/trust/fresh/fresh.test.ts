import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { type Signer, signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument } from '#runtime/trust/document/document.js';
import { type FreshUntil, signFreshUntil, verifyFreshUntil } from '#runtime/trust/fresh/fresh-until.js';
import { freshness } from '#runtime/trust/fresh/freshness.js';
import { PROPERTY } from '../cbor/arbitrary.js';

const [root, fleet, stranger] = [1, 2, 3].map((fill) => signerFromSeed(new Uint8Array(32).fill(fill))) as [
  Signer,
  Signer,
  Signer,
];
const trust = createTrustDocument({
  version: 1,
  issued: 0,
  roles: { root: { keys: [root.publicKey] }, fresh: { keys: [fleet.publicKey] } },
});
const statement: FreshUntil = {
  device: 'pi-01',
  issued: 1000,
  until: 2000,
  newest: new Map([
    ['blink', 7],
    ['lamp', 9],
  ]),
};

function outcome(bytes: Uint8Array, device = 'pi-01'): unknown {
  try {
    return verifyFreshUntil(bytes, trust, device);
  } catch (thrown) {
    if (!(thrown instanceof IotError)) throw thrown;
    return thrown.code;
  }
}

describe('the freshness index', () => {
  it('is read as it was signed, by a key of the role fresh', () => {
    expect(outcome(signFreshUntil(fleet, statement))).toEqual(statement);
  });

  it('is refused from any other key, also one that may do more, and for another device', () => {
    expect(outcome(signFreshUntil(root, statement))).toBe('E_UNTRUSTED');
    expect(outcome(signFreshUntil(stranger, statement))).toBe('E_UNTRUSTED');
    expect(outcome(signFreshUntil(fleet, statement), 'pi-02')).toBe('E_WRONG_DEVICE');
  });

  it('is refused with any byte flipped and at any length but its own', () => {
    const bytes = signFreshUntil(fleet, statement);
    for (let index = 0; index < bytes.length; index++) {
      const flipped = bytes.slice();
      flipped[index] = (flipped[index] ?? 0) ^ 0x01;
      expect(outcome(flipped)).toMatch(/^E_(ENVELOPE|ALG|UNTRUSTED|SIGNATURE)$/);
      expect(outcome(bytes.subarray(0, index))).toBe('E_ENVELOPE');
    }
    expect(outcome(Uint8Array.of(...bytes, 0))).toBe('E_ENVELOPE');
  });

  it('says the same after any statement was signed and read', () => {
    const any = fc.record({
      device: fc.constant('pi-01'),
      issued: fc.nat(),
      until: fc.integer({ min: 2 ** 31, max: Number.MAX_SAFE_INTEGER }),
      newest: fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.nat())).map((entries) => new Map(entries)),
    });
    fc.assert(
      fc.property(any, (one) => {
        expect(outcome(signFreshUntil(fleet, one))).toEqual(one);
      }),
      PROPERTY,
    );
  });

  it('is not signed when it would be stale at once, nor when it is too large', () => {
    expect(() => signFreshUntil(fleet, { ...statement, until: 1000 })).toThrow('stale from the start');
    const newest = new Map(Array.from({ length: 500 }, (_, index) => [`component-${index}`, index]));
    expect(() => signFreshUntil(fleet, { ...statement, newest })).toThrow('bytes');
  });
});

describe('freshness', () => {
  const seen = (component: string) => (component === 'blink' ? 7 : 9);

  it('lasts until its time has certainly passed', () => {
    expect(freshness(statement, 1999, seen)).toEqual({ state: 'fresh', at: 2000, missing: [] });
    expect(freshness(statement, 2000, seen)).toEqual({ state: 'stale', at: 2000, missing: [] });
  });

  it('shows deployments that were held back', () => {
    expect(freshness(statement, 1500, () => 8)).toEqual({ state: 'behind', at: 1000, missing: ['lamp'] });
    expect(freshness(statement, 1500, () => 10)).toMatchObject({ state: 'fresh' });
  });
});
