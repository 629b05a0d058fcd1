import { IotError } from '../../base/errors.js';
import { decodeRequest, type Request, type Session } from '../../trust/rpc/request.js';
import { READING } from '../protocol/messages.js';

export interface UnsignedRules {
  readonly device: string;
  readonly session: Session;
  /** Whether whoever reaches the broker may ask what changes nothing. Default false. */
  readonly openReading?: boolean | undefined;
}

/** First three bits of a CBOR map: a request as it is, without the COSE_Sign1 (a tag) around it. */
const MAP = 5;

export const isUnsigned = (payload: Uint8Array): boolean => (payload[0] ?? 0) >> 5 === MAP;

/**
 * Reads a request that nobody signed. There is no replay to refuse: the same question twice is two answers. Throws
 * E_ENVELOPE, E_TOO_LARGE; E_UNSIGNED where it would have to be signed, which whatever changes something always has to
 * be; E_WRONG_DEVICE, E_REPLAY (another session).
 */
export function readUnsigned(payload: Uint8Array, rules: UnsignedRules): Request {
  const { device, session, openReading = false } = rules;
  const request = decodeRequest(payload);
  const { operation } = request;
  if (!READING.has(operation) || !openReading) {
    throw new IotError(
      'E_UNSIGNED',
      `${operation} on device ${device} must be signed by a key of role control`,
      {
        hint: READING.has(operation)
          ? 'iot-host keys gen, then on the device: iot-host keys trust --control KEY; or control: {openReading: true}'
          : 'iot-host keys gen, then on the device: iot-host keys trust --control KEY',
      },
    );
  }
  if (request.device !== device) {
    throw new IotError('E_WRONG_DEVICE', `request is for device ${request.device}, this is ${device}`);
  }
  if (request.session !== session) {
    throw new IotError('E_REPLAY', `request is for session ${request.session}, now is session ${session}`);
  }
  return request;
}
