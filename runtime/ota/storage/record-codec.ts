import { createHash } from 'node:crypto';
import { IotError } from '../../base/errors.js';
import { equalBytes } from '../../trust/cbor/bytes.js';
import { toPlain } from '../../trust/cbor/plain.js';
import { readCbor } from '../../trust/cbor/reader.js';
import { writeCbor } from '../../trust/cbor/writer.js';
import { StateData, type StateRecord } from './record.js';

/** Size of each state file. Both are written once at their full size, so that a full disk never stops a revert. */
export const STATE_BYTES = 64 * 1024;

/** "iots" and the format's number. */
const MAGIC = Uint8Array.of(0x69, 0x6f, 0x74, 0x73, 1);
const LENGTH_BYTES = 4;
const HEAD_BYTES = MAGIC.length + LENGTH_BYTES;
const DIGEST_BYTES = 32;

/** `magic, length of the record, record in CBOR, SHA-256 over all before`. Throws E_TOO_LARGE. */
export function encodeRecord(record: StateRecord): Uint8Array {
  const cbor = writeCbor(record);
  const total = HEAD_BYTES + cbor.length + DIGEST_BYTES;
  if (total > STATE_BYTES) {
    throw new IotError('E_TOO_LARGE', `update records need ${total} bytes, there is room for ${STATE_BYTES}`);
  }
  const bytes = new Uint8Array(total);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(MAGIC.length, cbor.length);
  bytes.set(cbor, HEAD_BYTES);
  bytes.set(sha256(bytes.subarray(0, HEAD_BYTES + cbor.length)), HEAD_BYTES + cbor.length);
  return bytes;
}

/** The record at the start of a state file; `undefined` when it is torn, foreign or was never written. */
export function decodeRecord(file: Uint8Array): StateRecord | undefined {
  if (file.length < HEAD_BYTES + DIGEST_BYTES) return undefined;
  if (!equalBytes(file.subarray(0, MAGIC.length), MAGIC)) return undefined;
  const length = new DataView(file.buffer, file.byteOffset).getUint32(MAGIC.length);
  const end = HEAD_BYTES + length;
  if (end + DIGEST_BYTES > file.length) return undefined;
  if (!equalBytes(sha256(file.subarray(0, end)), file.subarray(end, end + DIGEST_BYTES))) return undefined;
  try {
    return StateData.parse(toPlain(readCbor(file.subarray(HEAD_BYTES, end))));
  } catch {
    // Whole, but of a format this host does not know: as unusable as a torn one.
    return undefined;
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
