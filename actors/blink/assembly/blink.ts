import { Bytes, fail, failHost, log, on, replyCbor, send, Start, text, Writer } from '../../sdk/assemblyscript/assembly';
import { gpioWrite } from '../../sdk/assemblyscript/assembly/gpio';
import { mqttPublish } from '../../sdk/assemblyscript/assembly/mqtt';
import { Tick, timerEvery } from '../../sdk/assemblyscript/assembly/timer';

const TIMER = text('blink');
const LED = text('LED');
const TOPIC = text('home/blink/state');
const VERSION = text('version');
const ON = text('on');
const COUNT = text('count');
const JSON_ON = text('{"on":true,"version":');
const JSON_OFF = text('{"on":false,"version":');
const JSON_COUNT = text(',"count":');
const JSON_END = text('}');
const UNHEARD = text('blink: the state is not being published; blinking goes on');

const STATE_MAX = 96;
const start = new Start();
const tick = new Tick();
const state = new Writer(memory.data(STATE_MAX), STATE_MAX);
const stateView = new Bytes();

let version: i32 = 0;
let everyMs: i32 = 0;
let lit: bool = false;
let count: i32 = 0;
let heard: bool = true;

/** Gives this build its version and its rhythm; called once by the entry file. */
export function blink(buildVersion: i32, milliseconds: i32): void {
  version = buildVersion;
  everyMs = milliseconds;
  on('Tick', onTick);
  on('Status', onStatus);
  on('Start', onStart);
}

function onStart(payload: Bytes): bool {
  if (!start.read(payload)) return false;
  return timerEvery(TIMER, everyMs) || failHost('iot:timer Every');
}

function onTick(payload: Bytes): bool {
  if (!tick.read(payload)) return false;
  if (!tick.id.equals(TIMER)) return fail('Tick of a timer that blink did not set');
  if (!gpioWrite(LED, !lit)) return failHost('iot:gpio Write');
  lit = !lit;
  count++;
  publishState();
  return true;
}

/** A lamp that nobody hears of is still a lamp: a missing broker is logged once and does not stop it. */
function publishState(): void {
  state.reset();
  state.put(lit ? JSON_ON : JSON_OFF);
  state.putDecimal(version);
  state.put(JSON_COUNT);
  state.putDecimal(count);
  state.put(JSON_END);
  stateView.set(state.start, state.size);
  const published = mqttPublish(TOPIC, stateView);
  if (heard && !published) log(UNHEARD);
  heard = published;
}

function onStatus(_payload: Bytes): bool {
  const answer = replyCbor();
  answer.map(3);
  answer.text(VERSION);
  answer.int(version);
  answer.text(ON);
  answer.bool(lit);
  answer.text(COUNT);
  answer.int(count);
  return send(answer);
}
