import { failPayload } from './answer';
import { Bytes } from './bytes';
import { hostCall, requestCbor } from './call';
import { CborReader } from './cbor';
import { Problem } from './reader';
import { text } from './text';

const MQTT = text('iot:mqtt');
const PUBLISH = text('Publish');
const SUBSCRIBE = text('Subscribe');
const TOPIC = text('topic');
const PAYLOAD = text('payload');
const FILTER = text('filter');
const QOS = text('qos');
const RETAIN = text('retain');
const reader = new CborReader();
const key = new Bytes();

export function mqttPublish(topic: Bytes, payload: Bytes, qos: i32 = 0, retain: bool = false): bool {
  const request = requestCbor();
  request.map(4);
  request.text(TOPIC);
  request.text(topic);
  request.text(PAYLOAD);
  request.blob(payload);
  request.text(QOS);
  request.int(qos);
  request.text(RETAIN);
  request.bool(retain);
  return hostCall(MQTT, PUBLISH, request);
}

export function mqttSubscribe(filter: Bytes, qos: i32 = 0): bool {
  const request = requestCbor();
  request.map(2);
  request.text(FILTER);
  request.text(filter);
  request.text(QOS);
  request.int(qos);
  return hostCall(MQTT, SUBSCRIBE, request);
}

/** An incoming message; it is acknowledged to the broker once the handler has returned. */
export class Message {
  topic: Bytes = new Bytes();
  payload: Bytes = new Bytes();
  qos: i32 = 0;
  retain: bool = false;

  /** False: the call has been answered with an error. */
  read(payload: Bytes): bool {
    reader.open(payload);
    this.topic.set(0, 0);
    this.payload.set(0, 0);
    for (let pairs = reader.map(); pairs > 0 && !reader.problem; pairs--) {
      reader.text(key);
      if (key.equals(TOPIC)) reader.text(this.topic);
      else if (key.equals(PAYLOAD)) reader.blob(this.payload);
      else if (key.equals(QOS)) this.qos = <i32>reader.int();
      else if (key.equals(RETAIN)) this.retain = reader.bool();
      else reader.skip();
    }
    if (reader.finish() && this.topic.size == 0) reader.reject(Problem.Missing);
    return reader.problem == Problem.None || failPayload('Message payload', reader.problem);
  }
}
