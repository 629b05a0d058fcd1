import { failPayload } from './answer';
import { Bytes } from './bytes';
import { badReply, hostCall, replyCborReader, requestCbor } from './call';
import { CborReader } from './cbor';
import { List } from './list';
import { Problem } from './reader';
import { text } from './text';

const GPIO = text('iot:gpio');
const READ = text('Read');
const WRITE = text('Write');
const TOGGLE = text('Toggle');
const WATCH = text('Watch');
const LINE = text('line');
const VALUE = text('value');
const EDGE = text('edge');
const DEBOUNCE = text('debounceUs');
const TIMESTAMP = text('timestampNs');
const SEQ = text('seq');
const LINES = text('Lines');
const LINE_LIST = text('lines');
const NAME = text('name');
const DIRECTION = text('direction');
const OUT = text('out');
const word = new Bytes();
const reader = new CborReader();
const key = new Bytes();

/** What `gpioRead` and `gpioToggle` give when the host refused; `failHost` then passes its reason on. */
export const NO_LEVEL = -1;

/** Lines have the names of the board or the configuration ("LED", "GPIO17"). Gives 0, 1 or NO_LEVEL. */
export function gpioRead(line: Bytes): i32 {
  return level(READ, line);
}
export function gpioToggle(line: Bytes): i32 {
  return level(TOGGLE, line);
}

function level(operation: Bytes, line: Bytes): i32 {
  const request = requestCbor();
  request.map(1);
  request.text(LINE);
  request.text(line);
  if (!hostCall(GPIO, operation, request)) return NO_LEVEL;
  const answer = replyCborReader();
  let value = NO_LEVEL;
  for (let pairs = answer.map(); pairs > 0 && !answer.problem; pairs--) {
    answer.text(key);
    if (key.equals(VALUE)) value = answer.bool() ? 1 : 0;
    else answer.skip();
  }
  if (answer.finish() && value != NO_LEVEL) return value;
  badReply();
  return NO_LEVEL;
}

export function gpioWrite(line: Bytes, value: bool): bool {
  const request = requestCbor();
  request.map(2);
  request.text(LINE);
  request.text(line);
  request.text(VALUE);
  request.int(value ? 1 : 0);
  return hostCall(GPIO, WRITE, request);
}

/** `edge` is rising, falling or both; debounce in microseconds. */
export function gpioWatch(line: Bytes, edge: Bytes, debounceUs: i32 = 0): bool {
  const request = requestCbor();
  request.map(3);
  request.text(LINE);
  request.text(line);
  request.text(EDGE);
  request.text(edge);
  request.text(DEBOUNCE);
  request.int(debounceUs);
  return hostCall(GPIO, WATCH, request);
}

/** An incoming edge of a watched line. */
export class Edge {
  line: Bytes = new Bytes();
  edge: Bytes = new Bytes();
  timestampNs: i64 = 0;
  seq: i64 = 0;

  /** False: the call has been answered with an error. */
  read(payload: Bytes): bool {
    reader.open(payload);
    this.line.set(0, 0);
    for (let pairs = reader.map(); pairs > 0 && !reader.problem; pairs--) {
      reader.text(key);
      if (key.equals(LINE)) reader.text(this.line);
      else if (key.equals(EDGE)) reader.text(this.edge);
      else if (key.equals(TIMESTAMP)) this.timestampNs = reader.int();
      else if (key.equals(SEQ)) this.seq = reader.int();
      else reader.skip();
    }
    if (reader.finish() && this.line.size == 0) reader.reject(Problem.Missing);
    return reader.problem == Problem.None || failPayload('Edge payload', reader.problem);
  }
}

/** The lines that the binding grants: `if (lines.ask()) while (lines.next()) …`. */
export class Lines {
  name: Bytes = new Bytes();
  output: bool = false;
  value: bool = false;
  private readonly list: List = new List();

  /** False when the host refused or its reply cannot be read: see `failHost`. */
  ask(): bool {
    return this.list.ask(GPIO, LINES, LINE_LIST);
  }

  next(): bool {
    if (!this.list.next()) return false;
    const item = this.list.reader;
    this.name.set(0, 0);
    for (let pairs = item.map(); pairs > 0 && !item.problem; pairs--) {
      item.text(key);
      if (key.equals(NAME)) item.text(this.name);
      else if (key.equals(DIRECTION)) {
        item.text(word);
        this.output = word.equals(OUT);
      } else if (key.equals(VALUE)) this.value = item.bool();
      else item.skip();
    }
    return item.problem == Problem.None;
  }
}
