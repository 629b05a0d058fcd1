import { asIotError, IotError } from '../../base/errors.js';
import {
  type InspectedCode,
  inspectModule,
  type ModuleClaims,
  verifyModule,
} from '../../trust/wascap/index.js';
import { bytes } from '../progress.js';
import type { Result } from '../result.js';
import { claimsText, fields, printable } from './claims-text.js';

/** Everything there is to see in a module. Broken claims are shown with what is wrong, they are no failure. */
export function inspectionResult(file: string, module: Uint8Array): Result {
  const { size, digest, sections, token, code } = inspectModule(module);
  const claims = claimsOf(module);
  const valid = !(claims instanceof IotError);
  return {
    data: {
      file,
      size,
      digest,
      claims: valid ? claims : null,
      problem: valid ? null : claims,
      token: token instanceof IotError ? null : { header: token.header, payload: token.payload },
      code,
      sections,
    },
    text: [
      ...fields([
        ['file', `${file}, ${bytes(size)}`],
        ['sha256', digest],
        ['claims', valid ? `genuine (${claims.hashForm} hash matches)` : claims.message],
      ]),
      '',
      ...(valid ? claimsText(claims) : token instanceof IotError ? [] : claimed(token.payload)),
      '',
      ...(code instanceof IotError ? [`code: ${code.message}`] : codeText(code)),
    ],
  };
}

/** Signature and hash are checked, the time is not: an expired module can still be looked at. */
function claimsOf(module: Uint8Array): ModuleClaims | IotError {
  try {
    return verifyModule(module);
  } catch (thrown) {
    return asIotError(thrown);
  }
}

/** What a token that did not verify says of itself. */
function claimed(payload: Readonly<Record<string, unknown>>): string[] {
  return [
    'not to be believed:',
    ...fields(Object.entries(payload).map(([name, value]) => [name, JSON.stringify(value)])),
  ];
}

function codeText({ imports, exports, memory, functions, features }: InspectedCode): string[] {
  const pages =
    memory === undefined ? 'none' : `${memory.minimum} to ${memory.maximum ?? 'any number of'} pages`;
  return [
    ...fields([
      ['memory', pages],
      ['functions', String(functions)],
      ['features', features.length === 0 ? 'WebAssembly 1.0' : [...new Set(features)].join(', ')],
    ]),
    ...listText('imports', imports),
    ...listText('exports', exports),
  ];
}

function listText(heading: string, names: readonly string[]): string[] {
  return names.length === 0
    ? [`no ${heading}`]
    : [`${heading}:`, ...names.map((name) => `  ${printable(name)}`)];
}
