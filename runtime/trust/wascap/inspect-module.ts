import { createHash } from 'node:crypto';
import { asIotError, type IotError } from '../../base/errors.js';
import type { Feature } from '../../wasm/features.js';
import { type Module, readModule } from '../../wasm/module.js';
import { readSections, sectionName } from '../../wasm/sections.js';
import { signatureOf } from '../../wasm/types.js';
import type { HashForm } from './claims.js';
import { moduleHashes } from './module-hash.js';
import { type JsonObject, splitToken } from './token.js';
import { readToken } from './token-section.js';

/** What is in a file, judged by nobody: no signature, hash, time or limit has been checked. */
export interface ModuleInspection {
  /** Bytes, and their SHA-256 in lower-case hex. */
  readonly size: number;
  readonly digest: string;
  readonly sections: readonly { readonly name: string; readonly size: number }[];
  /** What the token says, or why it cannot be read (E_UNSIGNED: there is none). */
  readonly token: InspectedToken | IotError;
  /** What claims for this code would have to say. */
  readonly hashes: Readonly<Record<HashForm, string>>;
  /** What the code declares, or why it cannot be read. */
  readonly code: InspectedCode | IotError;
}

export interface InspectedToken {
  readonly text: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
}

export interface InspectedCode {
  /** `module.name`, with the signature of functions: `wapc.__console_log v(ii)`. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** Pages of 64 KiB; `undefined` without a memory of its own. */
  readonly memory: { readonly minimum: number; readonly maximum: number | undefined } | undefined;
  readonly functions: number;
  readonly features: readonly Feature[];
}

/** Looks at a module without judging it. Throws E_MODULE only when the file is not made of sections. */
export function inspectModule(bytes: Uint8Array): ModuleInspection {
  const sections = readSections(bytes).map(({ id, name, start, end }) => ({
    name: name === undefined ? sectionName(id) : `custom "${name}"`,
    size: end - start,
  }));
  return {
    size: bytes.length,
    digest: createHash('sha256').update(bytes).digest('hex'),
    sections,
    token: orError(() => inspectToken(bytes)),
    hashes: moduleHashes(bytes),
    code: orError(() => inspectCode(readModule(bytes))),
  };
}

function inspectToken(bytes: Uint8Array): InspectedToken {
  const text = readToken(bytes);
  const { header, payload } = splitToken(text);
  return { text, header, payload };
}

function inspectCode({ types, imports, exports, memories, bodies, features }: Module): InspectedCode {
  const [memory] = memories;
  return {
    imports: imports.map(({ module, name, kind, typeIndex }) => {
      const type = typeIndex === undefined ? undefined : types[typeIndex];
      return `${module}.${name} ${type === undefined ? kind : signatureOf(type)}`;
    }),
    exports: exports.map(({ name }) => name),
    memory: memory === undefined ? undefined : { minimum: memory.minimum, maximum: memory.maximum },
    functions: bodies.length,
    features: features.map(({ feature }) => feature),
  };
}

function orError<Value>(look: () => Value): Value | IotError {
  try {
    return look();
  } catch (thrown) {
    return asIotError(thrown);
  }
}
