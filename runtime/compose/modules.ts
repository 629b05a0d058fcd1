import { readFile } from 'node:fs/promises';
import type { HostConfig } from '../base/config/schema.js';
import { asIotError, IotError, withContext } from '../base/errors.js';
import { admit } from '../engine/admission/index.js';
import type { Engine } from '../engine/engine.js';
import type { CheckedModule } from '../host/update.js';
import type { ModuleClaims } from '../ota/checks/signed-checks.js';
import { toHex } from '../trust/cbor/bytes.js';
import { sha256 } from '../trust/cose/authentication.js';
import { requireIssuer, verifyModule } from '../trust/wascap/index.js';

/** Who may issue claims: accounts of the configuration, and those of the trust document's role `claims`. */
export type Issuers = () => readonly string[];

/** Steps 10 of an update and the whole check of a local file: admission, claims, issuer. */
export class ModuleChecks {
  readonly #config: HostConfig;
  readonly #engine: Engine;
  readonly #issuers: Issuers;

  constructor(config: HostConfig, engine: Engine, issuers: Issuers) {
    this.#config = config;
    this.#engine = engine;
    this.#issuers = issuers;
  }

  /** Throws E_MODULE, E_FEATURE, E_IMPORT, E_EXPORT, E_LIMIT, E_UNSIGNED, E_SIGNATURE, E_HASH, E_UNTRUSTED, … */
  read(bytes: Uint8Array, now: { seconds: number; trusted: boolean }, memoryPages: number): ModuleClaims {
    const { maxModuleBytes } = this.#config.updates;
    // Claims first: what nobody trusted has signed is not even compiled.
    const claims = verifyModule(bytes, { now: now.seconds, timeTrusted: now.trusted });
    requireIssuer(claims, this.#issuers());
    admit(bytes, { limits: { memoryPages, maxModuleBytes }, engine: this.#engine, kind: 'actor' });
    return {
      key: claims.subject,
      name: claims.name,
      version: claims.ver,
      capabilities: claims.caps,
      callAlias: claims.callAlias,
    };
  }

  /** The module that a slot's `path` names. Throws E_CONFIG when it cannot be read, or as `read` does. */
  async readFile(slot: HostConfig['actors'][number], path: string): Promise<CheckedModule> {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw new IotError(
        'E_CONFIG',
        `module of actor ${slot.name} cannot be read: ${path} (${error.code ?? error.message})`,
      );
    });
    try {
      const now = { seconds: Math.floor(Date.now() / 1000), trusted: true };
      const claims = this.read(bytes, now, slot.limits.memoryPages);
      return { bytes, digest: toHex(sha256(bytes)), ...claims };
    } catch (thrown) {
      throw withContext(asIotError(thrown), path);
    }
  }
}
