import { counted } from '../../base/counted.js';
import { IotError } from '../../base/errors.js';
import type { ReasonCode } from '../../base/reasons.js';
import { type Authentication, type Verified, verifyBlocks } from '../cose/authentication.js';
import { keysOf, type RoleName, type TrustDocument } from './document.js';

/**
 * Verifies the blocks of `authentication` with the keys of one role and counts the distinct keys that signed.
 * Throws when they are fewer than the role's threshold: E_SIGNATURE when a trusted key's signature is wrong, E_ALG
 * when nothing but unsupported algorithms was offered, else E_UNTRUSTED; E_ENVELOPE for broken structure.
 */
export function requireThreshold(
  authentication: Authentication,
  document: TrustDocument,
  name: RoleName,
): Verified {
  const verified = verifyBlocks(authentication, keysOf(document, name));
  const threshold = document.roles.get(name)?.threshold ?? Number.POSITIVE_INFINITY;
  if (verified.keys.size >= threshold) return verified;
  const needed = Number.isFinite(threshold)
    ? `role ${name} needs ${counted(threshold, 'signature')}, ${verified.keys.size} ${verified.keys.size === 1 ? 'counts' : 'count'}`
    : `the trust document has no role ${name}`;
  const reasons = verified.problems.map((problem) => problem.message);
  throw new IotError(codeOf(verified), [needed, ...reasons].join('; '), { hint: hintOf(verified, name) });
}

function codeOf(verified: Verified): ReasonCode {
  const codes = verified.problems.map((problem) => problem.code);
  if (codes.includes('E_SIGNATURE')) return 'E_SIGNATURE';
  if (verified.keys.size === 0 && codes.every((code) => code === 'E_ALG')) return 'E_ALG';
  return 'E_UNTRUSTED';
}

function hintOf(verified: Verified, role: RoleName): string | undefined {
  const unknown = verified.problems.find((problem) => problem.code === 'E_UNTRUSTED');
  return unknown?.key === undefined ? undefined : `iot-host keys trust ${unknown.key} --role ${role}`;
}
