import { createHash } from 'node:crypto';
import { encodeU32 } from '../../wasm/leb.js';
import { readSections } from '../../wasm/sections.js';
import type { HashForm } from './claims.js';
import { isTokenSection } from './token-section.js';

const HEADER_BYTES = 8;

/** The module's bytes without its token sections. Throws E_MODULE. */
export function stripTokens(module: Uint8Array): Uint8Array {
  return concat([
    module.subarray(0, HEADER_BYTES),
    ...readSections(module)
      .filter((section) => !isTokenSection(section))
      .map(({ start, end }) => module.subarray(start, end)),
  ]);
}

/**
 * SHA-256, upper-case hex, in the two forms that wascap has signed: `raw`, the file without the token (up to 0.8
 * and 0.9.2), and `canonical`, the same with section lengths rewritten to minimal size (from 0.10 on). They are
 * equal when the compiler wrote minimal lengths. Throws E_MODULE.
 */
export function moduleHashes(module: Uint8Array): Readonly<Record<HashForm, string>> {
  const kept = readSections(module).filter((section) => !isTokenSection(section));
  const canonical = kept.flatMap(({ id, bodyStart, end }) => [
    Uint8Array.of(id),
    encodeU32(end - bodyStart),
    module.subarray(bodyStart, end),
  ]);
  return {
    raw: sha256([stripTokens(module)]),
    canonical: sha256([module.subarray(0, HEADER_BYTES), ...canonical]),
  };
}

function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').toUpperCase();
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
