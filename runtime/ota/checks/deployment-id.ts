import { createHash } from 'node:crypto';
import { readCbor } from '../../trust/cbor/reader.js';
import { asMap, asTagged } from '../../trust/cbor/shape.js';
import { ENVELOPE, TAG_ENVELOPE } from '../../trust/suit/labels.js';

/**
 * The name by which the sender knows its deployment, hex: SHA-256 of the manifest where there is one, else of the
 * whole message. Proves nothing; it lets a refusal be answered under the right name.
 */
export function deploymentId(envelope: Uint8Array): string {
  return createHash('sha256')
    .update(manifestOf(envelope) ?? envelope)
    .digest('hex');
}

function manifestOf(envelope: Uint8Array): Uint8Array | undefined {
  try {
    const map = asMap(asTagged(readCbor(envelope), TAG_ENVELOPE, 'envelope'), 'envelope');
    return map.entries.find(([key]) => key.value === ENVELOPE.manifest)?.[1].raw;
  } catch {
    return undefined;
  }
}
