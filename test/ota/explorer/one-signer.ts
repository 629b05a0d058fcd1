import type { Signer } from '#runtime/trust/cose/signer.js';

type Module = { signerFromSeed: (seed: Uint8Array) => Signer };

/** For `vi.mock`: reading a key takes OpenSSL longer than all else that a device in memory does in its life. */
export async function onceForEachSeed<T extends Module>(original: () => Promise<T>): Promise<T> {
  const module = await original();
  const signers = new Map<string, Signer>();
  const signerFromSeed = (seed: Uint8Array) => {
    const name = Buffer.from(seed).toString('hex');
    const signer = signers.get(name) ?? module.signerFromSeed(seed);
    signers.set(name, signer);
    return signer;
  };
  return { ...module, signerFromSeed };
}
