import { Bytes, failHost, on, text } from '../sdk/assemblyscript/assembly';
import { Edge, gpioToggle, gpioWatch, NO_LEVEL } from '../sdk/assemblyscript/assembly/gpio';
import { mqttPublish } from '../sdk/assemblyscript/assembly/mqtt';
export { __guest_call } from '../sdk/assemblyscript/assembly';

const BUTTON = text('BUTTON'),
  LED = text('LED'),
  RISING = text('rising');
const STATE = text('home/lamp/state'),
  ON = text('on'),
  OFF = text('off');
const edge = new Edge();

on('Start', (_payload: Bytes): bool => gpioWatch(BUTTON, RISING, 5000) || failHost('watch'));
on('Edge', (payload: Bytes): bool => {
  if (!edge.read(payload)) return false; // it has answered with an error already
  const lit = gpioToggle(LED);
  if (lit == NO_LEVEL) return failHost('toggle');
  return mqttPublish(STATE, lit == 1 ? ON : OFF) || failHost('publish');
});
