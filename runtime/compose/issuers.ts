import type { TrustDocument } from '../trust/document/document.js';
import { keysOf } from '../trust/document/document.js';
import { encodePublicKey } from '../trust/nkeys/index.js';

/** Account keys (`A…`) that the trust document lets issue claims. */
export function trustedIssuers(trust: TrustDocument | undefined): string[] {
  if (trust === undefined) return [];
  return [...keysOf(trust, 'claims').values()].map((raw) => encodePublicKey('account', raw));
}
