import { failPayload } from './answer';
import { Bytes } from './bytes';
import { badReply, hostCall, replyCborReader, requestCbor } from './call';
import { CborReader } from './cbor';
import { Problem } from './reader';
import { text } from './text';

const TIMER = text('iot:timer');
const EVERY = text('Every');
const AFTER = text('After');
const CANCEL = text('Cancel');
const NOW = text('Now');
const ID = text('id');
const MS = text('ms');
const DUE_AT = text('dueAt');
const AT = text('at');
const UNIX_MS = text('unixMs');
const MONOTONIC_NS = text('monotonicNs');
const TRUSTED = text('trusted');
const reader = new CborReader();
const key = new Bytes();

function setTimer(operation: Bytes, id: Bytes, ms: i32): bool {
  const request = requestCbor();
  request.map(2);
  request.text(ID);
  request.text(id);
  request.text(MS);
  request.int(ms);
  return hostCall(TIMER, operation, request);
}

/** A `Tick` every `ms` milliseconds; the id is the actor's own word for the timer. */
export function timerEvery(id: Bytes, ms: i32): bool {
  return setTimer(EVERY, id, ms);
}
/** One `Tick` after `ms` milliseconds. */
export function timerAfter(id: Bytes, ms: i32): bool {
  return setTimer(AFTER, id, ms);
}
export function timerCancel(id: Bytes): bool {
  const request = requestCbor();
  request.map(1);
  request.text(ID);
  request.text(id);
  return hostCall(TIMER, CANCEL, request);
}

/** The host's clocks; `trusted` tells whether the wall clock was ever set. */
export class Now {
  unixMs: i64 = 0;
  monotonicNs: i64 = 0;
  trusted: bool = false;

  /** False when the host refused or its reply cannot be read: see `failHost`. */
  ask(): bool {
    const request = requestCbor();
    request.map(0);
    if (!hostCall(TIMER, NOW, request)) return false;
    const answer = replyCborReader();
    for (let pairs = answer.map(); pairs > 0 && !answer.problem; pairs--) {
      answer.text(key);
      if (key.equals(UNIX_MS)) this.unixMs = answer.int();
      else if (key.equals(MONOTONIC_NS)) this.monotonicNs = answer.int();
      else if (key.equals(TRUSTED)) this.trusted = answer.bool();
      else answer.skip();
    }
    return answer.finish() || badReply();
  }
}

/** An incoming tick. */
export class Tick {
  id: Bytes = new Bytes();
  dueAt: f64 = 0;
  at: f64 = 0;

  /** False: the call has been answered with an error. */
  read(payload: Bytes): bool {
    reader.open(payload);
    this.id.set(0, 0);
    for (let pairs = reader.map(); pairs > 0 && !reader.problem; pairs--) {
      reader.text(key);
      if (key.equals(ID)) reader.text(this.id);
      else if (key.equals(DUE_AT)) this.dueAt = reader.float();
      else if (key.equals(AT)) this.at = reader.float();
      else reader.skip();
    }
    if (reader.finish() && this.id.size == 0) reader.reject(Problem.Missing);
    return reader.problem == Problem.None || failPayload('Tick payload', reader.problem);
  }
}
