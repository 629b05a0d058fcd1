import { IotError } from '../../base/errors.js';
import { verifyRaw } from '../ed25519.js';
import { decodePublicKey, requireKeyType } from '../nkeys/public-key.js';
import type { HashForm, ModuleClaims } from './claims.js';
import { Fields } from './fields.js';
import { moduleHashes } from './module-hash.js';
import { checkHeader, splitToken, type Token } from './token.js';
import { readToken } from './token-section.js';

const MAX_I32 = 0x7fffffff;
const SHA256_HEX = /^[0-9A-F]{64}$/;

export interface VerifyOptions {
  /** Unix seconds. Without it neither expiry nor start of validity is judged. */
  readonly now?: number;
  /**
   * Default true. False for a machine without a clock that knows only "at least this late": a token can then be
   * found expired, but none is refused as not valid yet.
   */
  readonly timeTrusted?: boolean;
}

/**
 * Proves that a module is what its claims say: the token is well formed, its issuer signed it, and it was made for
 * exactly this code. It proves nothing about the issuer: call `requireIssuer` with what it returns.
 *
 * The hash is always compared, unlike in wascap, where a token without `wascap_revision` fits any code. Throws
 * E_MODULE, E_UNSIGNED, E_TOKEN, E_ALG, E_KEY, E_SIGNATURE, E_HASH, E_EXPIRED, E_NOT_YET_VALID.
 */
export function verifyModule(module: Uint8Array, options: VerifyOptions = {}): ModuleClaims {
  const token = splitToken(readToken(module));
  checkHeader(token);
  const payload = new Fields(token.payload);
  const { issuer, subject } = verifyParties(token, payload);
  const claims = payload.object('wascap');
  const hashForm = matchHash(module, claims.requiredText('hash'));
  const expires = payload.time('exp');
  const notBefore = payload.time('nbf');
  const verified: ModuleClaims = {
    issuer,
    subject,
    name: claims.text('name') ?? '',
    caps: claims.texts('caps'),
    tags: claims.texts('tags'),
    rev: claims.integer('rev', -MAX_I32 - 1, MAX_I32),
    ver: claims.text('ver'),
    callAlias: claims.text('call_alias'),
    provider: claims.flag('prov'),
    id: payload.text('jti'),
    issuedAt: payload.requiredTime('iat'),
    expires,
    notBefore,
    wascapRevision: payload.integer('wascap_revision', 0, MAX_I32),
    hashForm,
  };
  checkTime(verified, options);
  return verified;
}

/**
 * Throws E_UNTRUSTED unless one of `trusted`, given as `A…` texts or as 32 raw bytes, is the issuer.
 * Throws E_KEY for a trusted text that is no public key.
 */
export function requireIssuer(
  claims: Pick<ModuleClaims, 'issuer' | 'name'>,
  trusted: Iterable<string | Uint8Array>,
): void {
  const issuer = Buffer.from(decodePublicKey(claims.issuer).raw);
  for (const key of trusted) {
    if (issuer.equals(typeof key === 'string' ? requireKeyType(key, 'account') : key)) return;
  }
  throw new IotError(
    'E_UNTRUSTED',
    `${claims.name || 'the module'} is signed by ${claims.issuer}, which is not trusted`,
    {
      hint: `iot-host keys trust ${claims.issuer} --role claims`,
    },
  );
}

/** Issuer and subject, after the issuer's signature over the received text has been checked. */
function verifyParties(token: Token, payload: Fields): { issuer: string; subject: string } {
  const issuer = payload.requiredText('iss');
  const subject = payload.requiredText('sub');
  const issuerKey = requireKeyType(issuer, 'account');
  const subjectKey = requireKeyType(subject, 'module');
  if (!verifyRaw(issuerKey, token.signedBytes, token.signature)) {
    throw new IotError('E_SIGNATURE', `the token is not signed by ${issuer}, which it names as its issuer`);
  }
  if (Buffer.from(issuerKey).equals(subjectKey)) {
    throw new IotError('E_TOKEN', 'the module is signed with its own key: an account key has to sign');
  }
  return { issuer, subject };
}

function matchHash(module: Uint8Array, hash: string): HashForm {
  if (!SHA256_HEX.test(hash)) {
    throw new IotError('E_TOKEN', "the token's hash is not a SHA-256 in upper-case hex");
  }
  const { raw, canonical } = moduleHashes(module);
  if (hash === raw) return 'raw';
  if (hash === canonical) return 'canonical';
  throw new IotError(
    'E_HASH',
    `the claims were made for other code: their hash is ${hash}, the module's ${raw}`,
    {
      hint: 'iot-host sign FILE',
    },
  );
}

function checkTime({ expires, notBefore }: ModuleClaims, { now, timeTrusted = true }: VerifyOptions): void {
  if (now === undefined) return;
  if (expires !== undefined && expires < now) {
    throw new IotError('E_EXPIRED', `the claims expired at ${timeText(expires)}`, {
      hint: 'iot-host sign FILE',
    });
  }
  if (timeTrusted && notBefore !== undefined && now < notBefore) {
    throw new IotError('E_NOT_YET_VALID', `the claims are valid from ${timeText(notBefore)} on`);
  }
}

/** A time that no calendar has stays a number. */
function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString();
}
