import { createECDH, createPrivateKey, sign } from 'node:crypto';
import type { Signer } from '#runtime/trust/cose/signer.js';

/** A signer as a security module would be: P-256, its private half `fill` 32 times, made without our own code. */
export function p256Signer(fill: number): Signer {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(Buffer.alloc(32, fill));
  const point = ecdh.getPublicKey();
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: ecdh.getPrivateKey('base64url'),
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  });
  return {
    publicKey: Uint8Array.from(point),
    sign: (message) => Uint8Array.from(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })),
  };
}
