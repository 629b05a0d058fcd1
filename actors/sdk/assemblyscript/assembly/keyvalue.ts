import { Bytes } from './bytes';
import { badReply, hostCall, replyMsgPackReader, requestMsgPack } from './call';
import { text } from './text';

const KEYVALUE = text('wascc:keyvalue');
const ADD = text('Add');
const GET = text('Get');
const SET = text('Set');
const KEY = text('key');
const VALUE = text('value');
const EXISTS = text('exists');
const EXPIRES = text('expires');
const field = new Bytes();

/** Adds to a stored number. `sum` holds the new value after a true. */
export class Added {
  sum: i32 = 0;

  add(key: Bytes, by: i32): bool {
    const request = requestMsgPack();
    request.map(2);
    request.text(KEY);
    request.text(key);
    request.text(VALUE);
    request.int(by);
    if (!hostCall(KEYVALUE, ADD, request)) return false;
    const answer = replyMsgPackReader();
    let sum = i64.MAX_VALUE;
    for (let pairs = answer.map(); pairs > 0 && !answer.problem; pairs--) {
      answer.text(field);
      if (field.equals(VALUE)) sum = answer.int();
      else answer.skip();
    }
    if (!answer.finish() || sum != <i64>(<i32>sum)) return badReply();
    this.sum = <i32>sum;
    return true;
  }
}

/** Reads a stored text; a missing key gives an empty text with `exists` false. Valid until the next host call. */
export class Stored {
  value: Bytes = new Bytes();
  exists: bool = false;

  get(key: Bytes): bool {
    const request = requestMsgPack();
    request.map(1);
    request.text(KEY);
    request.text(key);
    if (!hostCall(KEYVALUE, GET, request)) return false;
    const answer = replyMsgPackReader();
    let found = false;
    this.value.set(0, 0);
    for (let pairs = answer.map(); pairs > 0 && !answer.problem; pairs--) {
      answer.text(field);
      if (field.equals(VALUE)) {
        if (!answer.nil()) answer.text(this.value);
      } else if (field.equals(EXISTS)) {
        this.exists = answer.bool();
        found = true;
      } else {
        answer.skip();
      }
    }
    return (answer.finish() && found) || badReply();
  }
}

/** `expires` in seconds, 0 for never. */
export function keyvalueSet(key: Bytes, value: Bytes, expires: i32 = 0): bool {
  const request = requestMsgPack();
  request.map(3);
  request.text(KEY);
  request.text(key);
  request.text(VALUE);
  request.text(value);
  request.text(EXPIRES);
  request.int(expires);
  return hostCall(KEYVALUE, SET, request);
}
