import { IotError } from '../../base/errors.js';
import { MAX_TOKEN_BYTES } from '../../base/limits.js';
import { readSections, type Section } from '../../wasm/sections.js';

/** waSCC and wascap up to 0.8 wrote the first name, wascap from 0.9 on the second. */
export const TOKEN_SECTION_NAMES: readonly string[] = ['jwt', 'wasmcloud_jwt'];
/** What `signModule` writes: every reader knows it. */
export const OWN_SECTION_NAME = 'jwt';

export function isTokenSection(section: Section): boolean {
  return section.name !== undefined && TOKEN_SECTION_NAMES.includes(section.name);
}

/** Whether a module carries a token at all. Throws E_MODULE. */
export function isSigned(module: Uint8Array): boolean {
  return readSections(module).some(isTokenSection);
}

/**
 * The token's text. A second token section is refused, whatever it holds: two readers could take different ones.
 * Throws E_MODULE, E_UNSIGNED, E_TOKEN.
 */
export function readToken(module: Uint8Array): string {
  const [section, second] = readSections(module).filter(isTokenSection);
  if (section === undefined) {
    throw new IotError('E_UNSIGNED', 'the module carries no claims', { hint: 'iot-host sign FILE' });
  }
  if (second !== undefined) {
    throw new IotError(
      'E_TOKEN',
      `the module carries two tokens, in sections ${section.name} and ${second.name}`,
    );
  }
  const length = section.end - section.contentStart;
  if (length > MAX_TOKEN_BYTES) {
    throw new IotError('E_TOKEN', `the token has ${length} bytes, more than ${MAX_TOKEN_BYTES}`);
  }
  const bytes = module.subarray(section.contentStart, section.end);
  const strange = bytes.findIndex((byte) => byte < 0x20 || byte > 0x7e);
  if (strange >= 0)
    throw new IotError('E_TOKEN', `the token has a byte that is not ASCII text at ${strange}`);
  return Buffer.from(bytes).toString('latin1');
}
