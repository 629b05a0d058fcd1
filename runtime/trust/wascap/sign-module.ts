import { randomInt } from 'node:crypto';
import { IotError } from '../../base/errors.js';
import { MAX_TOKEN_BYTES } from '../../base/limits.js';
import { encodeCustomSection } from '../../wasm/sections.js';
import type { KeyPair } from '../nkeys/key-pair.js';
import { letterOf, type SigningKeyType } from '../nkeys/key-types.js';
import { moduleHashes, stripTokens } from './module-hash.js';
import { encodeSegments } from './token.js';
import { OWN_SECTION_NAME } from './token-section.js';

export interface SignOptions {
  /** Signs: an account key. */
  readonly account: KeyPair;
  /** The module's identity; only its public half is used. */
  readonly module: Pick<KeyPair, 'type' | 'publicKey' | 'rawPublicKey'>;
  readonly name: string;
  /** Capability ids. Default none. */
  readonly caps?: readonly string[];
  /** Default none. */
  readonly tags?: readonly string[];
  /** A whole number of 32 bits that grows with every release. */
  readonly rev?: number | undefined;
  readonly ver?: string | undefined;
  /** Written in wascap's normal form: `callAliasOf`. */
  readonly callAlias?: string | undefined;
  /** The module is a capability provider itself. Default false. */
  readonly provider?: boolean;
  /** Unix seconds. */
  readonly expires?: number | undefined;
  readonly notBefore?: number | undefined;
  /** Unix seconds; default now. */
  readonly issuedAt?: number;
}

const HEADER = { typ: 'jwt', alg: 'Ed25519' } as const;
/** From this revision on wascap's own reader compares the canonical hash. */
const CANONICAL_REVISION = 3;
const ID_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_CHARACTERS = 22;

/**
 * The module with claims as its last section; what claims it carried before are taken off, the rest of it stays as
 * it is. Throws E_MODULE, E_KEY (wrong kinds of key, or a module that would sign itself), E_USAGE, E_TOO_LARGE.
 */
export function signModule(module: Uint8Array, options: SignOptions): Uint8Array {
  const { account } = options;
  checkKeys(options);
  checkNumbers(options);
  const code = stripTokens(module);
  const segments = encodeSegments(HEADER, payloadOf(code, options));
  const signature = Buffer.from(account.sign(Buffer.from(segments, 'latin1'))).toString('base64url');
  const token = Buffer.from(`${segments}.${signature}`, 'latin1');
  if (token.length > MAX_TOKEN_BYTES) {
    throw new IotError('E_TOO_LARGE', `the claims take ${token.length} bytes, more than ${MAX_TOKEN_BYTES}`);
  }
  return Uint8Array.from(Buffer.concat([code, encodeCustomSection(OWN_SECTION_NAME, token)]));
}

/** wascap's normal form of a call alias: ASCII, lower case, `_` for space, `-` and `.`. */
export function callAliasOf(text: string): string {
  return [...text.trim().toLowerCase()]
    .filter((character) => character <= '\x7f')
    .join('')
    .replace(/[ .-]/g, '_');
}

/** In the order in which wascap writes it. */
function payloadOf(code: Uint8Array, options: SignOptions): Record<string, unknown> {
  const { raw, canonical } = moduleHashes(code);
  const { account, module, issuedAt = Math.floor(Date.now() / 1000) } = options;
  return {
    exp: options.expires,
    jti: newId(),
    iat: issuedAt,
    iss: account.publicKey,
    sub: module.publicKey,
    nbf: options.notBefore,
    wascap: {
      name: options.name,
      hash: raw,
      tags: options.tags ?? [],
      caps: options.caps ?? [],
      rev: options.rev,
      ver: options.ver,
      call_alias: options.callAlias === undefined ? undefined : callAliasOf(options.callAlias),
      prov: options.provider ?? false,
    },
    // Only where both forms agree: a reader of revision 3 looks at the canonical one.
    wascap_revision: raw === canonical ? CANONICAL_REVISION : undefined,
  };
}

function checkKeys({ account, module }: SignOptions): void {
  requireType(account.type, 'account', 'signs');
  requireType(module.type, 'module', 'is the identity of a module');
  if (Buffer.from(account.rawPublicKey).equals(module.rawPublicKey)) {
    throw new IotError('E_KEY', 'account key and module key are the same: a module cannot sign itself', {
      hint: 'iot-host keys gen',
    });
  }
}

function requireType(type: SigningKeyType, wanted: SigningKeyType, role: string): void {
  if (type === wanted) return;
  throw new IotError(
    'E_KEY',
    `a key of type ${wanted} (S${letterOf(wanted)}…) ${role}, not one of type ${type}`,
    {
      hint: 'iot-host keys gen',
    },
  );
}

function checkNumbers({ rev, expires, notBefore, issuedAt }: SignOptions): void {
  if (rev !== undefined && rev !== (rev | 0)) {
    throw new IotError('E_USAGE', `revision ${rev} is not a whole number of 32 bits`);
  }
  for (const [name, seconds] of Object.entries({ expires, notBefore, issuedAt })) {
    if (seconds !== undefined && !(Number.isSafeInteger(seconds) && seconds >= 0)) {
      throw new IotError('E_USAGE', `${name} must be whole seconds since 1970, not ${seconds}`);
    }
  }
  if (expires !== undefined && notBefore !== undefined && expires < notBefore) {
    throw new IotError('E_USAGE', 'the claims would expire before they are valid');
  }
}

function newId(): string {
  const pick = () => ID_ALPHABET.charAt(randomInt(ID_ALPHABET.length));
  return Array.from({ length: ID_CHARACTERS }, pick).join('');
}
