import { guestError } from './host';
import { encodeUtf8 } from './utf8';

const REASON_MAX = 256;
const reason = memory.data(REASON_MAX);

/** Makes `message` the guest error, if it fits into 256 bytes, and traps. */
export function panic(message: string): void {
  const size = encodeUtf8(message, reason, REASON_MAX);
  guestError(reason, size < 0 ? 0 : size);
  unreachable();
}

/** Takes the place of the compiler's own abort (`--use abort=…/abort/actorAbort`), so that no `env` import is needed. */
export function actorAbort(message: string | null, _file: string | null, _line: u32, _column: u32): void {
  panic(message ? message : 'aborted');
}
