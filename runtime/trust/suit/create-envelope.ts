import { IotError } from '../../base/errors.js';
import { MAX_ENVELOPE_BYTES } from '../../base/limits.js';
import { type CborValue, Tagged } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { createAuthentication } from '../cose/authentication.js';
import type { Signer } from '../cose/signer.js';
import { createManifest, type ManifestOptions, manifestMember } from './create-manifest.js';
import { ENVELOPE, TAG_ENVELOPE, URI_INTEGRATED } from './labels.js';

export interface EnvelopeOptions extends ManifestOptions {
  readonly signers: readonly Signer[];
  /** Payloads to carry inside the envelope, by uri (`#name`). Default: none. */
  readonly payloads?: Readonly<Record<string, Uint8Array>>;
}

/**
 * Builds and signs a `SUIT_Envelope_Tagged`. The same options give the same bytes.
 * Throws E_USAGE, E_UNSIGNED (no signer), E_TOO_LARGE (over 8 KiB without its payloads).
 */
export function createEnvelope(options: EnvelopeOptions): Uint8Array {
  const manifest = manifestMember(createManifest(options));
  const payloads = Object.entries(options.payloads ?? {});
  for (const [uri] of payloads) {
    const named = options.components.some((component) => component.uri === uri);
    if (!named || !uri.startsWith(URI_INTEGRATED)) {
      throw new IotError('E_USAGE', `payload ${uri} is not the uri of a component`);
    }
  }
  const bytes = writeCbor(
    new Tagged(
      TAG_ENVELOPE,
      new Map<number | string, CborValue>([
        [ENVELOPE.authentication, createAuthentication(manifest.bytes, options.signers)],
        [ENVELOPE.manifest, manifest],
        ...payloads,
      ]),
    ),
  );
  const carried = payloads.reduce((sum, [, payload]) => sum + payload.length, 0);
  if (bytes.length - carried > MAX_ENVELOPE_BYTES) {
    throw new IotError(
      'E_TOO_LARGE',
      `the envelope has ${bytes.length - carried} bytes, at most ${MAX_ENVELOPE_BYTES} are taken`,
    );
  }
  return bytes;
}
