import { failPayload } from './answer';
import { Bytes } from './bytes';
import { hostCall, requestCbor } from './call';
import { CborReader } from './cbor';
import { List } from './list';
import { Problem } from './reader';
import { text } from './text';

const SERIAL = text('iot:serial');
const WRITE = text('Write');
const DRAIN = text('Drain');
const PORTS = text('Ports');
const PORT = text('port');
const PORT_LIST = text('ports');
const DATA = text('data');
const AT = text('at');
const NAME = text('name');
const OPEN = text('open');
const REASON = text('reason');
const reader = new CborReader();
const key = new Bytes();

/** Ports have the names of the board or of the provider's settings. */
export function serialWrite(port: Bytes, data: Bytes): bool {
  const request = requestCbor();
  request.map(2);
  request.text(PORT);
  request.text(port);
  request.text(DATA);
  request.blob(data);
  return hostCall(SERIAL, WRITE, request);
}

/** Returns when all that was written has left the port. */
export function serialDrain(port: Bytes): bool {
  const request = requestCbor();
  request.map(1);
  request.text(PORT);
  request.text(port);
  return hostCall(SERIAL, DRAIN, request);
}

/** The ports that the binding grants: `if (ports.ask()) while (ports.next()) …`. */
export class Ports {
  name: Bytes = new Bytes();
  open: bool = false;
  private readonly list: List = new List();

  /** False when the host refused or its reply cannot be read: see `failHost`. */
  ask(): bool {
    return this.list.ask(SERIAL, PORTS, PORT_LIST);
  }

  next(): bool {
    if (!this.list.next()) return false;
    const item = this.list.reader;
    this.name.set(0, 0);
    for (let pairs = item.map(); pairs > 0 && !item.problem; pairs--) {
      item.text(key);
      if (key.equals(NAME)) item.text(this.name);
      else if (key.equals(OPEN)) this.open = item.bool();
      else item.skip();
    }
    return item.problem == Problem.None;
  }
}

/** An incoming frame, cut as the binding says. */
export class Data {
  port: Bytes = new Bytes();
  data: Bytes = new Bytes();
  /** Unix milliseconds. */
  at: i64 = 0;

  /** False: the call has been answered with an error. */
  read(payload: Bytes): bool {
    reader.open(payload);
    this.port.set(0, 0);
    this.data.set(0, 0);
    for (let pairs = reader.map(); pairs > 0 && !reader.problem; pairs--) {
      reader.text(key);
      if (key.equals(PORT)) reader.text(this.port);
      else if (key.equals(DATA)) reader.blob(this.data);
      else if (key.equals(AT)) this.at = reader.int();
      else reader.skip();
    }
    if (reader.finish() && this.port.size == 0) reader.reject(Problem.Missing);
    return reader.problem == Problem.None || failPayload('Data payload', reader.problem);
  }
}

/** An incoming `Opened` (without a reason) or `Closed`. */
export class PortEvent {
  port: Bytes = new Bytes();
  reason: Bytes = new Bytes();

  /** False: the call has been answered with an error. */
  read(payload: Bytes): bool {
    reader.open(payload);
    this.port.set(0, 0);
    this.reason.set(0, 0);
    for (let pairs = reader.map(); pairs > 0 && !reader.problem; pairs--) {
      reader.text(key);
      if (key.equals(PORT)) reader.text(this.port);
      else if (key.equals(REASON)) reader.text(this.reason);
      else reader.skip();
    }
    if (reader.finish() && this.port.size == 0) reader.reject(Problem.Missing);
    return reader.problem == Problem.None || failPayload('Opened or Closed payload', reader.problem);
  }
}
