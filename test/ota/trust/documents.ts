import { signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument, type FloorReset, type RoleOptions } from '#runtime/trust/document/document.js';
import { signTrustDocument } from '#runtime/trust/document/signed.js';

const key = (n: number) => signerFromSeed(new Uint8Array(32).fill(n));
export const roots = [key(11), key(12), key(13), key(14)] as const;
export const releases = [key(21), key(22)] as const;
/** Keys of the role `fresh`. */
export const fleets = [key(31), key(32)] as const;
export const ISSUED = 1_799_000_000;

export interface DocumentOptions {
  /** Indexes of `roots`; two of them must sign what comes next. Default 0 and 1. */
  roots?: readonly number[];
  /** Indexes of `roots` that sign. Default: those named in it. */
  signedBy?: readonly number[];
  /** Index of the release key. Default 0. */
  release?: number;
  /** Index of the key of the role `fresh`; without it nobody has the role. */
  fresh?: number;
  issued?: number;
  expires?: number;
  resets?: readonly FloorReset[];
  blocked?: readonly Uint8Array[];
  minimumHost?: readonly number[];
}

/** One version of a device's trust document, signed. */
export function documentOf(version: number, options: DocumentOptions = {}): Uint8Array {
  const named = options.roots ?? [0, 1];
  const role = (keys: readonly { publicKey: Uint8Array }[], more: Partial<RoleOptions> = {}) => ({
    keys: keys.map(({ publicKey }) => publicKey),
    ...more,
  });
  const { expires, resets, blocked, minimumHost } = options;
  const document = createTrustDocument({
    version,
    issued: options.issued ?? ISSUED + version,
    ...(expires === undefined ? {} : { expires }),
    ...(resets === undefined ? {} : { floorResets: resets }),
    ...(blocked === undefined ? {} : { blocked }),
    ...(minimumHost === undefined ? {} : { minimumHost }),
    roles: {
      root: role(
        named.map((index) => roots[index]!),
        { threshold: 2 },
      ),
      release: role([releases[options.release ?? 0]!], { components: [['actor']] }),
      ...(options.fresh === undefined ? {} : { fresh: role([fleets[options.fresh]!], { components: [] }) }),
    },
  });
  return signTrustDocument(
    document,
    (options.signedBy ?? named).map((index) => roots[index]!),
  );
}
