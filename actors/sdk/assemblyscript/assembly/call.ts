import { HOST_REPLY_MAX, HOST_REQUEST_MAX, hostReplyBuffer, hostRequestBuffer } from './buffers';
import { Bytes } from './bytes';
import { CborReader, CborWriter } from './cbor';
import { hostCallRaw, hostErrorRaw, hostErrorSize, hostResponse, hostResponseSize } from './host';
import { MsgPackReader, MsgPackWriter } from './msgpack';
import { text } from './text';
import { Writer } from './writer';

const DEFAULT_BINDING = text('default');
const NO_REASON = text('the host gave no reason');
const LONG_REASON = text("the host's reason does not fit into the actor's buffer");
const LONG_REQUEST = text("request does not fit into the actor's buffer");
const LONG_REPLY = text("host's reply does not fit into the actor's buffer");
const BAD_REPLY = text("the host's reply cannot be read");

const cbor = new CborWriter(hostRequestBuffer, HOST_REQUEST_MAX);
const msgPack = new MsgPackWriter(hostRequestBuffer, HOST_REQUEST_MAX);
const replyView = new Bytes();
const errorView = new Bytes();
/** One reader of each codec for host replies; incoming payloads have their own. */
const cborReply = new CborReader();
const msgPackReply = new MsgPackReader();
let ownError: Bytes | null = null;

/** Empty writers over the host request buffer; each serves one host call. */
export function requestCbor(): CborWriter {
  cbor.reset();
  return cbor;
}
export function requestMsgPack(): MsgPackWriter {
  msgPack.reset();
  return msgPack;
}

/** Calls `operation` of `contract` through the actor's binding named "default". False: see `hostError()`. */
export function hostCall(contract: Bytes, operation: Bytes, request: Writer): bool {
  return hostCallThrough(DEFAULT_BINDING, contract, operation, request);
}

/** As `hostCall`, through a binding of another name. */
export function hostCallThrough(binding: Bytes, contract: Bytes, operation: Bytes, request: Writer): bool {
  ownError = null;
  if (request.overflow) {
    ownError = LONG_REQUEST;
    return false;
  }
  return hostCallRaw(
    binding.at, binding.size, contract.at, contract.size, operation.at, operation.size, request.start, request.size,
  ) == 1;
}

/** Fetches what the last host call answered; valid until the next one. False when it does not fit. */
export function hostReply(into: Bytes): bool {
  const size = hostResponseSize();
  into.set(hostReplyBuffer, 0);
  if (<u32>size > HOST_REPLY_MAX) {
    ownError = LONG_REPLY;
    return false;
  }
  if (size > 0) hostResponse(hostReplyBuffer);
  into.size = size;
  return true;
}

/** Readers opened on what the last host call answered; on nothing when it does not fit. */
export function replyCborReader(): CborReader {
  hostReply(replyView);
  cborReply.open(replyView);
  return cborReply;
}
export function replyMsgPackReader(): MsgPackReader {
  hostReply(replyView);
  msgPackReply.open(replyView);
  return msgPackReply;
}

/** Makes an unreadable reply the reason of the last host call. Returns false. */
export function badReply(): bool {
  if (!ownError) ownError = BAD_REPLY;
  return false;
}

/** Why the last host call failed; valid until the next one. */
export function hostError(): Bytes {
  const own = ownError;
  if (own) return own;
  const size = hostErrorSize();
  if (size == 0) return NO_REASON;
  if (<u32>size > HOST_REPLY_MAX) return LONG_REASON;
  hostErrorRaw(hostReplyBuffer);
  errorView.set(hostReplyBuffer, size);
  return errorView;
}
