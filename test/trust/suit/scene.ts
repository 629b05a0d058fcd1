import { createHash } from 'node:crypto';
import { IotError } from '#runtime/base/errors.js';
import { type CborValue, Encoded, Tagged } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { createAuthentication } from '#runtime/trust/cose/authentication.js';
import { type Signer, signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument, type RoleOptions } from '#runtime/trust/document/document.js';
import { createEnvelope, type EnvelopeOptions } from '#runtime/trust/suit/create-envelope.js';
import type { ComponentOptions } from '#runtime/trust/suit/create-manifest.js';
import { type VerifiedEnvelope, type VerifyContext, verifyEnvelope } from '#runtime/trust/suit/verify.js';

export const signers = [1, 2, 3, 4].map((fill) => signerFromSeed(new Uint8Array(32).fill(fill)));
export const [alice, bob, carol, mallory] = signers as [Signer, Signer, Signer, Signer];
export const MODULE = Uint8Array.from(Buffer.from('0061736d01000000', 'hex'));

export function component(changes: Partial<ComponentOptions> = {}): ComponentOptions {
  return {
    id: ['actor', 'blink'],
    digest: Uint8Array.from(createHash('sha256').update(MODULE).digest()),
    size: MODULE.length,
    uri: 'mqtt:',
    ...changes,
  };
}

export function envelope(changes: Partial<EnvelopeOptions> = {}): Uint8Array {
  return createEnvelope({ sequence: 10, components: [component()], signers: [alice], ...changes });
}

/** A device that trusts alice, bob and carol, one of them being enough. */
export function context(
  changes: Partial<VerifyContext> = {},
  release: Partial<RoleOptions> = {},
): VerifyContext {
  const keys = [alice.publicKey, bob.publicKey, carol.publicKey];
  return {
    trust: createTrustDocument({
      version: 1,
      issued: 0,
      roles: { root: { keys }, release: { keys, ...release } },
    }),
    deviceName: 'pi-01',
    board: 'raspberry-pi-5',
    floors: () => undefined,
    blocked: () => false,
    ...changes,
  };
}

/** The verified envelope, or the reason code of its refusal; anything else that is thrown fails the test. */
export function outcome(bytes: Uint8Array, device: VerifyContext = context()): VerifiedEnvelope | string {
  try {
    return verifyEnvelope(bytes, device);
  } catch (error) {
    if (!(error instanceof IotError)) throw error;
    return error.code;
  }
}

/** Signs whatever it is given as a manifest, sense or nonsense. */
export function signed(
  manifest: CborValue,
  more: [number | string, CborValue][] = [],
  by: readonly Signer[] = [alice],
): Uint8Array {
  const member = new Encoded(writeCbor(writeCbor(manifest)));
  return writeCbor(
    new Tagged(
      107,
      new Map<number | string, CborValue>([
        [2, createAuthentication(member.bytes, by)],
        [3, member],
        ...more,
      ]),
    ),
  );
}
