// Exercises every function of the AssemblyScript SDK for the tests; probe.c does the same with the C SDK.
import {
  Bytes, CborReader, fail, failHost, failPayload, hostCallThrough, hostReply, log, MsgPackReader, on, Problem, reply,
  replyCbor, replyMsgPack, requestCbor, send, text,
} from '../sdk/assemblyscript/assembly';
import { Edge, gpioRead, gpioToggle, gpioWatch, NO_LEVEL } from '../sdk/assemblyscript/assembly/gpio';
import { Added, keyvalueSet, Stored } from '../sdk/assemblyscript/assembly/keyvalue';
import { LogLevel, writeLog } from '../sdk/assemblyscript/assembly/logging';
import { Message, mqttPublish, mqttSubscribe } from '../sdk/assemblyscript/assembly/mqtt';
import { Now, Tick, timerAfter, timerCancel } from '../sdk/assemblyscript/assembly/timer';

export { __guest_call } from '../sdk/assemblyscript/assembly';

const EXTRA = text('extra');
const TEXT = text('text');
const BLOB = text('blob');
const INT = text('int');
const BOOL = text('bool');
const FLOAT = text('float');
const NONE = text('none');
const INTS = text('ints');
const OTHER = text('other');
const RAW_CONTRACT = text('test:raw');
const RAW = text('Raw');
const BOTH = text('both');
const K = text('k');
const N = text('n');
const key = new Bytes();
const value = new Bytes();
const cbor = new CborReader();
const msgPack = new MsgPackReader();
const edge = new Edge();
const now = new Now();
const tick = new Tick();
const message = new Message();
const added = new Added();
const stored = new Stored();

// Reads a map of known fields and writes the same map again; unknown fields are left out.
on('Cbor', (payload: Bytes): bool => {
  let known = 0;
  cbor.open(payload);
  for (let pairs = cbor.map(); pairs > 0 && !cbor.problem; pairs--) {
    cbor.text(key);
    if (!key.equals(EXTRA)) known++;
    cbor.skip();
  }
  if (!cbor.finish()) return failPayload('payload', cbor.problem);
  const w = replyCbor();
  w.map(known);
  cbor.open(payload);
  for (let pairs = cbor.map(); pairs > 0 && !cbor.problem; pairs--) {
    cbor.text(key);
    if (key.equals(EXTRA)) {
      cbor.skip();
      continue;
    }
    w.text(key);
    if (key.equals(TEXT)) {
      cbor.text(value);
      w.text(value);
    } else if (key.equals(BLOB)) {
      cbor.blob(value);
      w.blob(value);
    } else if (key.equals(INT)) w.int(cbor.int());
    else if (key.equals(BOOL)) w.bool(cbor.bool());
    else if (key.equals(FLOAT)) w.float(cbor.float());
    else if (key.equals(NONE)) {
      if (!cbor.null()) cbor.reject(Problem.Missing);
      w.null();
    } else if (key.equals(INTS)) {
      let items = cbor.array();
      w.array(items);
      for (; items > 0 && !cbor.problem; items--) w.int(cbor.int());
    } else return fail('unknown field');
  }
  return cbor.finish() ? send(w) : failPayload('payload', cbor.problem);
});

on('MsgPack', (payload: Bytes): bool => {
  let known = 0;
  msgPack.open(payload);
  for (let pairs = msgPack.map(); pairs > 0 && !msgPack.problem; pairs--) {
    msgPack.text(key);
    if (!key.equals(EXTRA)) known++;
    msgPack.skip();
  }
  if (!msgPack.finish()) return failPayload('payload', msgPack.problem);
  const w = replyMsgPack();
  w.map(known);
  msgPack.open(payload);
  for (let pairs = msgPack.map(); pairs > 0 && !msgPack.problem; pairs--) {
    msgPack.text(key);
    if (key.equals(EXTRA)) {
      msgPack.skip();
      continue;
    }
    w.text(key);
    if (key.equals(TEXT)) {
      msgPack.text(value);
      w.text(value);
    } else if (key.equals(BLOB)) {
      msgPack.text(value);
      w.blob(value);
    } else if (key.equals(INT)) w.int(msgPack.int());
    else if (key.equals(BOOL)) w.bool(msgPack.bool());
    else if (key.equals(NONE)) {
      if (!msgPack.nil()) msgPack.reject(Problem.Missing);
      w.nil();
    } else return fail('unknown field');
  }
  return msgPack.finish() ? send(w) : failPayload('payload', msgPack.problem);
});

on('Twice', (payload: Bytes): bool => {
  const w = replyCbor();
  w.put(payload);
  w.put(payload);
  return send(w);
});

on('Raw', (payload: Bytes): bool => {
  const w = requestCbor();
  w.put(payload);
  if (!hostCallThrough(OTHER, RAW_CONTRACT, RAW, w)) return failHost('Raw');
  if (!hostReply(value)) return failHost('Raw');
  return reply(value);
});

on('RawTwice', (payload: Bytes): bool => {
  const w = requestCbor();
  w.put(payload);
  w.put(payload);
  return hostCallThrough(OTHER, RAW_CONTRACT, RAW, w) || failHost('Raw');
});

on('Levels', (line: Bytes): bool => {
  const before = gpioRead(line);
  if (before == NO_LEVEL) return failHost('Read');
  const after = gpioToggle(line);
  if (after == NO_LEVEL) return failHost('Toggle');
  const w = replyCbor();
  w.array(2);
  w.bool(before == 1);
  w.bool(after == 1);
  return send(w);
});

on('Watch', (line: Bytes): bool => gpioWatch(line, BOTH, 5000) || failHost('Watch'));

on('Edge', (payload: Bytes): bool => {
  if (!edge.read(payload)) return false;
  const w = replyCbor();
  w.array(4);
  w.text(edge.line);
  w.text(edge.edge);
  w.int(edge.timestampNs);
  w.int(edge.seq);
  return send(w);
});

on('Timers', (id: Bytes): bool => (timerAfter(id, 250) && timerCancel(id)) || failHost('timer'));

on('Now', (_payload: Bytes): bool => {
  if (!now.ask()) return failHost('Now');
  const w = replyCbor();
  w.array(3);
  w.int(now.unixMs);
  w.int(now.monotonicNs);
  w.bool(now.trusted);
  return send(w);
});

on('Tick', (payload: Bytes): bool => {
  if (!tick.read(payload)) return false;
  const w = replyCbor();
  w.array(3);
  w.text(tick.id);
  w.float(tick.dueAt);
  w.float(tick.at);
  return send(w);
});

on('Message', (payload: Bytes): bool => {
  if (!message.read(payload)) return false;
  return mqttPublish(message.topic, message.payload, message.qos, message.retain) || failHost('Publish');
});

on('Subscribe', (filter: Bytes): bool => mqttSubscribe(filter, 2) || failHost('Subscribe'));

on('Store', (payload: Bytes): bool => {
  if (!keyvalueSet(K, payload, 60)) return failHost('Set');
  if (!added.add(N, -300)) return failHost('Add');
  if (!stored.get(K)) return failHost('Get');
  const w = replyCbor();
  w.array(3);
  w.int(added.sum);
  w.text(stored.value);
  w.bool(stored.exists);
  return send(w);
});

on('Log', (line: Bytes): bool => {
  log(line);
  return writeLog(LogLevel.Warn, line) || failHost('WriteLog');
});

on('Silent', (_payload: Bytes): bool => false);

// Only here: a text made during a call must not leak, it must fail.
on('LateText', (_payload: Bytes): bool => text('late').size > 0);
