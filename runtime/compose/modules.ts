import { readFile } from 'node:fs/promises';
import type { HostConfig } from '../base/config/schema.js';
import { asIotError, IotError, withContext } from '../base/errors.js';
import { admit } from '../engine/admission/index.js';
import type { Engine } from '../engine/engine.js';
import type { CheckedModule } from '../host/update.js';
import type { ModuleClaims } from '../ota/checks/signed-checks.js';
import type { Now } from '../ota/index.js';
import { toHex } from '../trust/cbor/bytes.js';
import { sha256 } from '../trust/cose/authentication.js';
import { isBlocked, type TrustDocument } from '../trust/document/document.js';
import { requireIssuer, verifyModule } from '../trust/wascap/index.js';
import { trustedIssuers } from './issuers.js';
import { noTrust } from './no-trust.js';

/** Steps 10 of an update and the whole check of a local file: admission, claims, issuer. */
export class ModuleChecks {
  readonly #config: HostConfig;
  readonly #engine: Engine;
  readonly #trust: () => TrustDocument | undefined;

  /** Claims may be issued by accounts of the configuration, and by those of the trust document's role `claims`. */
  constructor(config: HostConfig, engine: Engine, trust: () => TrustDocument | undefined) {
    this.#config = config;
    this.#engine = engine;
    this.#trust = trust;
  }

  /** Throws E_MODULE, E_FEATURE, E_IMPORT, E_EXPORT, E_LIMIT, E_UNSIGNED, E_SIGNATURE, E_HASH, E_UNTRUSTED, … */
  read(bytes: Uint8Array, now: Now, memoryPages: number): ModuleClaims {
    const { maxModuleBytes } = this.#config.updates;
    // Claims first: what nobody trusted has signed is not even compiled.
    const claims = verifyModule(bytes, { now: now.seconds, timeTrusted: now.trusted });
    this.#requireIssuer(claims);
    admit(bytes, { limits: { memoryPages, maxModuleBytes }, engine: this.#engine, kind: 'actor' });
    return {
      key: claims.subject,
      name: claims.name,
      version: claims.ver,
      capabilities: claims.caps,
      callAlias: claims.callAlias,
      timeUnverified: !now.trusted && (claims.expires !== undefined || (claims.notBefore ?? 0) > now.seconds),
    };
  }

  #requireIssuer({ issuer, name }: Pick<ModuleClaims, 'name'> & { readonly issuer: string }): void {
    const { issuers, document } = this.#config.trust;
    const trust = this.#trust();
    if (trust !== undefined || issuers.length > 0) {
      requireIssuer({ issuer, name }, [...issuers, ...trustedIssuers(trust)]);
      return;
    }
    const { message, hint } = noTrust(this.#config.device, document);
    throw new IotError('E_UNTRUSTED', `${name || 'the module'} is signed by ${issuer}, and ${message}`, {
      hint: `${hint}; or for that account alone: trust: {issuers: [${issuer}]}`,
    });
  }

  /**
   * The module that a slot's `path` names. Throws E_CONFIG when it cannot be read, E_BLOCKED when the trust document
   * names it as one that must never run, or as `read` does.
   */
  async readFile(slot: HostConfig['actors'][number], path: string, now: Now): Promise<CheckedModule> {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw new IotError(
        'E_CONFIG',
        `module of actor ${slot.name} cannot be read: ${path} (${error.code ?? error.message})`,
      );
    });
    try {
      const digest = sha256(bytes);
      const trust = this.#trust();
      if (trust !== undefined && isBlocked(trust, digest)) {
        throw new IotError('E_BLOCKED', `trust document ${trust.version} blocks module ${toHex(digest)}`);
      }
      const claims = this.read(bytes, now, slot.limits.memoryPages);
      return { bytes, digest: toHex(digest), ...claims };
    } catch (thrown) {
      throw withContext(asIotError(thrown), path);
    }
  }
}
