import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  createTrustDocument,
  generateKey,
  type Signer,
  signerFromSeed,
  signModule,
  signTrustDocument,
} from '../../runtime/index.js';

/** From dist/scripts/demo/ to dist/actors/. */
const ACTORS = new URL('../../actors/', import.meta.url);

/** The keys of the people in this play, made anew each time and kept in memory only. */
export class DemoKeys {
  readonly release = newSigner();
  readonly control = newSigner();
  /** Signs as well as anybody, but no device trusts it. */
  readonly stranger = newSigner();
  readonly #root = newSigner();
  readonly #account = generateKey('account');
  /** One module key for each actor: its identity. */
  readonly #modules = new Map<string, ReturnType<typeof generateKey>>();

  /** What the device is given before anything is pushed. */
  trustDocument(): Uint8Array {
    const roles = {
      root: { keys: [this.#root.publicKey] },
      release: { keys: [this.release.publicKey] },
      control: { keys: [this.control.publicKey] },
      claims: { keys: [this.#account.rawPublicKey] },
    };
    const document = createTrustDocument({ version: 1, issued: Math.floor(Date.now() / 1000), roles });
    return signTrustDocument(document, [this.#root]);
  }

  /** The built actor `file`, with claims: who it is (`name`), and what it may ask for. `filling`: larger by so many bytes. */
  async sign(
    file: string,
    name: string,
    rev: number,
    caps: readonly string[],
    filling = 0,
  ): Promise<Uint8Array> {
    const bytes = new Uint8Array(await readFile(new URL(`${file}.wasm`, ACTORS)));
    return this.signBytes(filling === 0 ? bytes : filled(bytes, filling), name, rev, caps);
  }

  /** The same for a module that is no file. */
  signBytes(bytes: Uint8Array, name: string, rev: number, caps: readonly string[]): Uint8Array {
    const module = this.#modules.get(name) ?? generateKey('module');
    this.#modules.set(name, module);
    return signModule(bytes, {
      account: this.#account,
      module,
      name,
      caps: [...caps],
      rev,
      ver: `${rev}.0.0`,
    });
  }
}

/** `module` with a custom section behind it, of about `size` bytes that mean nothing. */
function filled(module: Uint8Array, size: number): Uint8Array {
  // Section 0; its length as LEB128 in four bytes; a name of one byte.
  const length = [size, size >> 7, size >> 14].map((bits) => (bits & 0x7f) | 0x80);
  const head = [0, ...length, (size >> 21) & 0x7f, 1, 0x66];
  return Buffer.concat([module, Uint8Array.from(head), randomBytes(size - 2)]);
}

function newSigner(): Signer {
  return signerFromSeed(new Uint8Array(randomBytes(32)));
}
