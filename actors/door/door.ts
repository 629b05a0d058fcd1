import { Bytes, failHost, fail, log, on, Start, text, Writer } from '../sdk/assemblyscript/assembly';
import { Edge, gpioRead, gpioWatch, Lines, NO_LEVEL } from '../sdk/assemblyscript/assembly/gpio';
import { mqttPublish } from '../sdk/assemblyscript/assembly/mqtt';
import { Tick, timerAfter, timerCancel } from '../sdk/assemblyscript/assembly/timer';

export { __guest_call } from '../sdk/assemblyscript/assembly';

const LINES_MAX = 8;
const NAME_MAX = 64;
const LONG_MS = 1000;
/** A door that has been open for so long was perhaps forgotten. */
const LONG_OPEN_MS = 300000;
/** After so long it is tried again to say what the broker did not take. */
const AGAIN_MS = 5000;
/** Sequence numbers are not known: another module watched before this one. */
const UNKNOWN: i64 = -1;

const BUTTON = text('BUTTON');
const BOTH = text('both');
const RISING = text('rising');
const SWAP = text('swap');
const REVERT = text('revert');
const TOPIC = text('home/door/');
const LONG = text('long');
const OPEN = text('{"state":"open"');
const CLOSED = text('{"state":"closed"');
const PRESS = text('{"event":"press"');
const RELEASE = text('{"event":"release"');
const LONG_PRESS = text('{"event":"long"');
const MS = text(',"ms":');
const LONG_OPEN = text(',"long":true');
const AGAIN = text('again');
const COUNT = text(',"count":');
const LOST = text(',"lost":');
const END = text('}');
const UNHEARD = text('door: the broker does not take messages; the line is watched all the same');

class Watched {
  readonly name: Bytes = new Bytes();
  readonly timer: Bytes = new Bytes();
  isButton: bool = false;
  /** 1: open, or not pressed: contacts and buttons join the line to ground. */
  level: i32 = 1;
  seq: i64 = 0;
  /** Openings, or presses, since the actor was started. */
  count: i64 = 0;
  lost: i64 = 0;
  since: i64 = 0;
  /** A contact: open for long; its state is with the broker. */
  long: bool = false;
  told: bool = true;
}

const lines = new Lines();
const start = new Start();
const edge = new Edge();
const tick = new Tick();
const names = memory.data(512);
const timers = memory.data(40);
const watched = new StaticArray<Watched>(LINES_MAX);
for (let i = 0; i < LINES_MAX; i++) unchecked((watched[i] = new Watched()));
let used = 0;

const message = new Writer(memory.data(128), 128);
const topic = new Writer(memory.data(96), 96);
const messageView = new Bytes();
const topicView = new Bytes();

on('Start', (payload: Bytes): bool => {
  if (!start.read(payload)) return false;
  if (!lines.ask()) return failHost('iot:gpio Lines');
  const known = !start.reason.equals(SWAP) && !start.reason.equals(REVERT);
  used = 0;
  while (lines.next() && used < LINES_MAX) {
    if (!lines.output && lines.name.size <= NAME_MAX) remember(known);
  }
  if (used == 0) return fail('the binding grants no input line');
  for (let i = 0; i < used; i++) {
    const line = unchecked(watched[i]);
    if (!gpioWatch(line.name, BOTH)) return failHost('iot:gpio Watch');
    if (!line.isButton && !tellChange(line)) return false;
  }
  return true;
});

/** The line that `lines` stands at, its name copied: the next host call overwrites it. */
function remember(known: bool): void {
  const line = unchecked(watched[used]);
  memory.copy(names + used * NAME_MAX, lines.name.at, lines.name.size);
  line.name.set(names + used * NAME_MAX, lines.name.size);
  const timer = timers + used * 5;
  memory.copy(timer, LONG.at, 4);
  store<u8>(timer + 4, 0x30 + used);
  line.timer.set(timer, 5);
  line.isButton = begins(line.name, BUTTON);
  line.level = lines.value ? 1 : 0;
  line.seq = known ? 0 : UNKNOWN;
  line.told = true;
  used++;
}

function begins(name: Bytes, word: Bytes): bool {
  messageView.set(name.at, word.size);
  return name.size >= word.size && messageView.equals(word);
}

on('Edge', (payload: Bytes): bool => {
  if (!edge.read(payload)) return false;
  for (let i = 0; i < used; i++) {
    const line = unchecked(watched[i]);
    if (line.name.equals(edge.line)) return take(line);
  }
  return fail('Edge of a line that door does not watch');
});

function take(line: Watched): bool {
  // An edge may come twice, when the host died while it was being handled.
  if (edge.seq == line.seq) return true;
  let level = edge.edge.equals(RISING) ? 1 : 0;
  if (line.seq != UNKNOWN && edge.seq > line.seq + 1) {
    line.lost += edge.seq - line.seq - 1;
    // What happened in between nobody knows, but what is now can be read.
    const read = gpioRead(line.name);
    if (read != NO_LEVEL) level = read;
  }
  line.seq = edge.seq;
  const before = line.level;
  line.level = level;
  if (line.isButton) return takeButton(line, before);
  if (level == 1 && before == 0) line.count++;
  return tellChange(line);
}

function takeButton(line: Watched, before: i32): bool {
  if (line.level == 0) {
    line.since = edge.timestampNs;
    line.count++;
    begin(PRESS);
    finish(line, false);
    return timerAfter(line.timer, LONG_MS) || failHost('iot:timer After');
  }
  if (before == 1) return true;
  begin(RELEASE);
  message.put(MS);
  message.putDecimal((edge.timestampNs - line.since) / 1000000);
  finish(line, false);
  return timerCancel(line.timer) || failHost('iot:timer Cancel');
}

on('Tick', (payload: Bytes): bool => {
  if (!tick.read(payload)) return false;
  for (let i = 0; i < used; i++) {
    const line = unchecked(watched[i]);
    if (tick.id.equals(AGAIN)) {
      if (!line.told) tellState(line);
    } else if (line.timer.equals(tick.id)) {
      isLong(line);
    }
  }
  return true;
});

function isLong(line: Watched): void {
  if (line.isButton && line.level == 0) {
    begin(LONG_PRESS);
    finish(line, false);
  } else if (!line.isButton && line.level == 1) {
    line.long = true;
    tellState(line);
  }
}

function tellChange(line: Watched): bool {
  line.long = false;
  tellState(line);
  if (line.level == 1) return timerAfter(line.timer, LONG_OPEN_MS) || failHost('iot:timer After');
  return timerCancel(line.timer) || failHost('iot:timer Cancel');
}

function tellState(line: Watched): void {
  begin(line.level == 1 ? OPEN : CLOSED);
  if (line.long) message.put(LONG_OPEN);
  line.told = finish(line, true);
  if (!line.told) timerAfter(AGAIN, AGAIN_MS);
}

function begin(head: Bytes): void {
  message.reset();
  message.put(head);
}

/** A door that nobody hears of goes on being watched. False when the broker did not take it. */
function finish(line: Watched, retain: bool): bool {
  message.put(COUNT);
  message.putDecimal(line.count);
  message.put(LOST);
  message.putDecimal(line.lost);
  message.put(END);
  topic.reset();
  topic.put(TOPIC);
  topic.put(line.name);
  messageView.set(message.start, message.size);
  topicView.set(topic.start, topic.size);
  if (mqttPublish(topicView, messageView, 1, retain)) return true;
  log(UNHEARD);
  return false;
}
