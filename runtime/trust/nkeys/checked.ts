import { IotError } from '../../base/errors.js';
import { decodeBase32, encodeBase32 } from './base32.js';
import { crc16 } from './crc16.js';

const CRC_BYTES = 2;

/** Base32 of `bytes` and their CRC-16, low byte first. */
export function encodeChecked(bytes: Uint8Array): string {
  const crc = crc16(bytes);
  return encodeBase32(Uint8Array.from([...bytes, crc & 0xff, crc >>> 8]));
}

/** The bytes in front of the CRC. Throws E_KEY for a wrong length, character or CRC. `what` starts the message. */
export function decodeChecked(text: string, characters: number, what: string): Uint8Array {
  if (text.length !== characters) {
    throw new IotError('E_KEY', `${what} must have ${characters} characters, not ${text.length}`);
  }
  const all = decodeBase32(text);
  const bytes = all.subarray(0, -CRC_BYTES);
  const [low = 0, high = 0] = all.subarray(-CRC_BYTES);
  if (crc16(bytes) !== low + high * 256) {
    throw new IotError('E_KEY', `${what} has a wrong checksum: it was mistyped or cut`);
  }
  return bytes;
}
