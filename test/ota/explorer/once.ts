import type { StateRecord } from '#runtime/ota/storage/record.js';
import type { Signer } from '#runtime/trust/cose/signer.js';

type SignerModule = { signerFromSeed: (seed: Uint8Array) => Signer };
type KeyModule = {
  verifyRaw: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
};

type CodecModule = {
  decodeRecord: (file: Uint8Array) => StateRecord | undefined;
};

/** Of a state file: the magic number and the length of the record; the digest behind that. */
const HEAD_BYTES = 9;
const DIGEST_BYTES = 32;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

/** For `vi.mock`: reading a key takes OpenSSL longer than all else that a device in memory does in its life. */
export async function onceForEachSeed<T extends SignerModule>(original: () => Promise<T>): Promise<T> {
  const module = await original();
  const signers = new Map<string, Signer>();
  const signerFromSeed = (seed: Uint8Array) =>
    once(signers, hex(seed), () => {
      const signer = module.signerFromSeed(seed);
      const signed = new Map<string, Uint8Array>();
      // Ed25519 says the same of the same bytes.
      const sign = (message: Uint8Array) => once(signed, hex(message), () => signer.sign(message)).slice();
      return { ...signer, sign };
    });
  return { ...module, signerFromSeed };
}

/** For `vi.mock`: the same few envelopes and reports are verified in each of some thousand lives. */
export async function onceForEachSignature<T extends KeyModule>(original: () => Promise<T>): Promise<T> {
  const module = await original();
  const verified = new Map<string, boolean>();
  const verifyRaw: KeyModule['verifyRaw'] = (...all) => {
    // All three, with their lengths: nothing that differs is taken for the same.
    const name = all.map((bytes) => `${bytes.length}:${hex(bytes)}`).join();
    return once(verified, name, () => module.verifyRaw(...all));
  };
  return { ...module, verifyRaw };
}

/** For `vi.mock`: the same records are read again and again; nothing changes a record in place. */
export async function onceForEachRecord<T extends CodecModule>(original: () => Promise<T>): Promise<T> {
  const module = await original();
  const records = new Map<string, { readonly record: StateRecord | undefined }>();
  const decodeRecord = (file: Uint8Array) => {
    if (file.length < HEAD_BYTES) return module.decodeRecord(file);
    // A file of this length is told by its head, what the head says follows, and the digest of both.
    const length = new DataView(file.buffer, file.byteOffset).getUint32(HEAD_BYTES - 4);
    const name = `${file.length}:${hex(file.subarray(0, HEAD_BYTES + length + DIGEST_BYTES))}`;
    return once(records, name, () => ({ record: frozen(module.decodeRecord(file)) })).record;
  };
  return { ...module, decodeRecord };
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const each of Object.values(value)) frozen(each);
  return Object.freeze(value);
}

function once<T>(known: Map<string, T>, name: string, make: () => T): T {
  const before = known.get(name);
  if (before !== undefined) return before;
  const made = make();
  known.set(name, made);
  return made;
}
