import { replyBuffer, REPLY_MAX } from './buffers';
import { Bytes } from './bytes';
import { CborWriter } from './cbor';
import { guestError, guestResponse } from './host';
import { hostError } from './call';
import { MsgPackWriter } from './msgpack';
import { Problem } from './reader';
import { encodeUtf8 } from './utf8';
import { Writer } from './writer';

/** What the current call has told the host so far. */
export const enum Told { Nothing, Reply, Error }
let told: Told = Told.Nothing;
const cbor = new CborWriter(replyBuffer, REPLY_MAX);
const msgPack = new MsgPackWriter(replyBuffer, REPLY_MAX);

export function startAnswer(): void {
  told = Told.Nothing;
}

/** Answers the call with a copy of `bytes`. Returns true. */
export function reply(bytes: Bytes): bool {
  guestResponse(bytes.at, bytes.size);
  told = Told.Reply;
  return true;
}

/** Empty writers over the reply buffer; `send` makes the answer of what was written. */
export function replyCbor(): CborWriter {
  cbor.reset();
  return cbor;
}
export function replyMsgPack(): MsgPackWriter {
  msgPack.reset();
  return msgPack;
}
export function send(written: Writer): bool {
  if (written.overflow) return fail("reply does not fit into the actor's buffer");
  guestResponse(written.start, written.size);
  told = Told.Reply;
  return true;
}

function putString(value: string): void {
  const size = encodeUtf8(value, cbor.at, <i32>(cbor.end - cbor.at));
  if (size > 0) cbor.at += size;
}

function sendError(): bool {
  guestError(cbor.start, cbor.size);
  told = Told.Error;
  return false;
}

/** Answers the call with an error. Returns false, for `return fail('…')`. The text may be a literal: nothing is allocated. */
export function fail(message: string): bool {
  cbor.reset();
  putString(message);
  return sendError();
}

/** "BEFORE what AFTER" as the error, `what` cut if it is too long. */
export function failWith(before: string, what: Bytes, after: string): bool {
  cbor.reset();
  putString(before);
  cbor.end -= after.length;
  cbor.putCut(what);
  cbor.end += after.length;
  putString(after);
  return sendError();
}

/** "DOING: what the host answered to the last host call". */
export function failHost(doing: string): bool {
  cbor.reset();
  putString(doing);
  putString(': ');
  cbor.putCut(hostError());
  return sendError();
}

/** "WHAT is not …" for bytes that a reader did not like. */
export function failPayload(what: string, problem: Problem): bool {
  cbor.reset();
  putString(what);
  putString(sentence(problem));
  return sendError();
}

function sentence(problem: Problem): string {
  switch (problem) {
    case Problem.Short: return ' ends too early';
    case Problem.Trailing: return ' has bytes after its end';
    case Problem.Head: return ' has an indefinite length or a reserved head';
    case Problem.Map: return ' is not a map or array where one is expected';
    case Problem.Text: return ' is not text or bytes where they are expected';
    case Problem.Integer: return ' is not an integer of 64 bits where one is expected';
    case Problem.Number: return ' is not a number where one is expected';
    case Problem.Boolean: return ' is not true or false where one is expected';
    case Problem.Missing: return ' lacks a field';
    default: return ' is not acceptable';
  }
}

/** Closes a call: some hosts take silence for a failure, and a failure without a text helps nobody. */
export function endAnswer(ok: bool): bool {
  if (told == Told.Nothing) {
    if (!ok) return fail('the actor failed without giving a reason');
    guestResponse(replyBuffer, 0);
    return true;
  }
  if (!ok && told == Told.Reply) return fail('the actor failed without giving a reason');
  return told == Told.Reply;
}
