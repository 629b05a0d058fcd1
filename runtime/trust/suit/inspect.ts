import { toHex } from '../cbor/bytes.js';
import { sign1Of } from '../cose/sign1.js';
import { readEnvelope } from './envelope.js';
import { readManifest } from './manifest.js';
import { type Plan, planManifest } from './plan.js';
import { type Version, versionText } from './version.js';

/** What an envelope says of itself. */
export interface Inspection extends Plan {
  /** SHA-256 over the manifest. */
  readonly manifestDigest: Uint8Array;
  readonly sequence: number;
  readonly version: string | undefined;
  /** Names of the keys it says it was signed with: none of the signatures has been verified. */
  readonly keys: readonly string[];
}

/**
 * Reads an envelope for a person to look at; it proves nothing but that the digest fits. Throws as `readEnvelope`
 * and `readManifest` do. A device uses `verifyEnvelope`.
 */
export function inspectEnvelope(bytes: Uint8Array): Inspection {
  const { authentication, manifest, severed } = readEnvelope(bytes);
  const decoded = readManifest(manifest, severed);
  return {
    manifestDigest: authentication.digest,
    sequence: decoded.sequence,
    version: textOf(decoded.version),
    keys: authentication.blocks.flatMap((block) => {
      const { kid } = sign1Of(block);
      return kid === undefined ? [] : [toHex(kid)];
    }),
    ...planManifest(decoded),
  };
}

function textOf(version: Version | undefined): string | undefined {
  return version === undefined ? undefined : versionText(version);
}
