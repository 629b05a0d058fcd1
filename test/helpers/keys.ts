import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createTrustDocument,
  generateKey,
  type KeyPair,
  signerFromSeed,
  signModule,
  signTrustDocument,
} from '#runtime/index.js';
import type { RoleName, RoleOptions, TrustDocumentOptions } from '#runtime/trust/document/document.js';
import { actorModule } from './actors.js';

export interface SignAs {
  /** Name in the claims, and whose module key is taken. */
  readonly name: string;
  readonly rev?: number;
  readonly caps?: readonly string[];
  /** Default: the account that the trust document names. */
  readonly account?: KeyPair;
  /** Unix seconds between which the module may be started; default: always. */
  readonly notBefore?: number;
  readonly expires?: number;
  /** Another identity than the one that goes with the name. */
  readonly module?: KeyPair;
}

/** What is to stand in a trust document instead of the usual. */
export interface MoreTrust extends Partial<Omit<TrustDocumentOptions, 'roles'>> {
  readonly roles?: Readonly<Partial<Record<RoleName, RoleOptions>>>;
}

/** What the counter asks for. */
export const COUNTER_CAPS = ['wascc:keyvalue', 'wascc:logging', 'iot:mqtt'];

/** Keys of everybody in a test: those that devices trust, and those of strangers. */
export class TestKeys {
  readonly #release = generateKey('user');
  readonly #control = generateKey('user');
  readonly release = signerFromSeed(this.#release.rawSeed);
  readonly control = signerFromSeed(this.#control.rawSeed);
  readonly stranger = signerFromSeed(generateKey('user').rawSeed);
  readonly account = generateKey('account');
  readonly strangeAccount = generateKey('account');
  readonly #rootKey = generateKey('operator');
  readonly #root = signerFromSeed(this.#rootKey.rawSeed);
  readonly #modules = new Map<string, KeyPair>();

  /** Default: version 1, issued now, with all the keys. */
  trustDocument({ roles: given = {}, ...more }: MoreTrust = {}): Uint8Array {
    const roles = {
      root: { keys: [this.#root.publicKey] },
      release: { keys: [this.release.publicKey] },
      control: { keys: [this.control.publicKey] },
      claims: { keys: [this.account.rawPublicKey] },
    };
    const issued = Math.floor(Date.now() / 1000);
    const document = createTrustDocument({
      version: 1,
      issued,
      ...more,
      roles: { ...roles, ...given },
    });
    return signTrustDocument(document, [this.#root]);
  }

  /** Puts them where the command line finds them with `IOT_HOST_KEYS=folder`. */
  async save(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const keys = {
      root: this.#rootKey,
      account: this.account,
      release: this.#release,
      control: this.#control,
    };
    for (const [name, { seed }] of Object.entries(keys)) {
      await writeFile(join(folder, `${name}.nk`), `${seed}\n`, { mode: 0o600 });
    }
  }

  /** The module key of an actor: the same for all its versions. */
  moduleKey(name: string): KeyPair {
    const key = this.#modules.get(name) ?? generateKey('module');
    this.#modules.set(name, key);
    return key;
  }

  /** `module`: bytes, or a file of dist/actors. */
  sign(module: Uint8Array | string, as: SignAs): Uint8Array {
    const { name, rev = 1, caps = [], account = this.account, notBefore, expires } = as;
    return signModule(typeof module === 'string' ? actorModule(module) : module, {
      account,
      module: as.module ?? this.moduleKey(name),
      name,
      caps: [...caps],
      rev,
      ver: `${rev}.0.0`,
      notBefore,
      expires,
    });
  }

  /** A version of the counter, as its author signs it. */
  counter(rev: 1 | 2 = 1): Uint8Array {
    return this.sign(`counter-v${rev}`, { name: 'counter', rev, caps: COUNTER_CAPS });
  }
}
