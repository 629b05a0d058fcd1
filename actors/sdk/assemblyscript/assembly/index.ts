/** Everything an actor needs; the contracts' own files are imported by name, so that unused ones cost nothing. */
export { __guest_call, Handler, log, on } from './actor';
export { fail, failHost, failPayload, failWith, reply, replyCbor, replyMsgPack, send } from './answer';
export { Bytes } from './bytes';
export { hostCall, hostCallThrough, hostError, hostReply, requestCbor, requestMsgPack } from './call';
export { CborReader, CborWriter } from './cbor';
export { Start } from './lifecycle';
export { MsgPackReader, MsgPackWriter } from './msgpack';
export { Problem, Reader } from './reader';
export { text } from './text';
export { Writer } from './writer';
