import { expect, it } from 'vitest';
import { fuzz } from './fuzz.js';
import {
  DOCUMENT_CONTENTS,
  DOCUMENTS,
  ENVELOPES,
  ITEMS,
  MANIFESTS,
  REQUEST_CONTENTS,
  REQUESTS,
} from './samples.js';
import type { TargetName } from './targets.js';
import { damaged } from './tree.js';

/** Hours, when somebody asks for them. */
const TIMEOUT = 24 * 3600 * 1000;

it.each<[TargetName, readonly Uint8Array[]]>([
  ['cbor', ITEMS],
  ['envelope', ENVELOPES],
  ['manifest', MANIFESTS],
  ['trust-document', DOCUMENTS],
  ['trust-content', DOCUMENT_CONTENTS],
  ['request', REQUESTS],
  ['request-content', REQUEST_CONTENTS],
])(
  '%s: refused for a reason, or what it was',
  (name, samples) => {
    const outcomes = fuzz(name, damaged(samples));
    // Damage that never got past the first check, or was never noticed, would have tried nothing.
    expect([...outcomes.keys()]).toContain('accepted');
    expect([...outcomes.keys()]).toContain('E_ENVELOPE');
  },
  TIMEOUT,
);
