// Exercises what the AssemblyScript SDK has for serial ports, Bluetooth and lists of lines; probe-io.c does the same.
import { Bytes, failHost, on, replyCbor, send } from '../sdk/assemblyscript/assembly';
import { Advertisement, bleScan, bleStopScan } from '../sdk/assemblyscript/assembly/ble';
import { Lines } from '../sdk/assemblyscript/assembly/gpio';
import { Data, PortEvent, Ports, serialDrain, serialWrite } from '../sdk/assemblyscript/assembly/serial';

export { __guest_call } from '../sdk/assemblyscript/assembly';

const lines = new Lines();
const ports = new Ports();
const data = new Data();
const closed = new PortEvent();
const heard = new Advertisement();

on('Lines', (_payload: Bytes): bool => {
  if (!lines.ask()) return failHost('Lines');
  const w = replyCbor();
  w.array(6);
  while (lines.next()) {
    w.text(lines.name);
    w.bool(lines.output);
    w.bool(lines.value);
  }
  return send(w);
});

on('Serial', (port: Bytes): bool => (serialWrite(port, port) && serialDrain(port)) || failHost('serial'));

on('Ports', (_payload: Bytes): bool => {
  if (!ports.ask()) return failHost('Ports');
  const w = replyCbor();
  w.array(4);
  while (ports.next()) {
    w.text(ports.name);
    w.bool(ports.open);
  }
  return send(w);
});

on('Data', (payload: Bytes): bool => {
  if (!data.read(payload)) return false;
  const w = replyCbor();
  w.array(3);
  w.text(data.port);
  w.blob(data.data);
  w.int(data.at);
  return send(w);
});

on('Closed', (payload: Bytes): bool => {
  if (!closed.read(payload)) return false;
  const w = replyCbor();
  w.array(2);
  w.text(closed.port);
  w.text(closed.reason);
  return send(w);
});

on('Scan', (_payload: Bytes): bool => (bleScan(true) && bleStopScan()) || failHost('scan'));

on('Advertisement', (payload: Bytes): bool => {
  if (!heard.read(payload)) return false;
  const w = replyCbor();
  w.array(9);
  w.text(heard.id);
  w.text(heard.address);
  w.text(heard.name);
  w.int(heard.rssi);
  w.blob(heard.manufacturerData);
  while (heard.nextServiceData()) {
    w.text(heard.uuid);
    w.blob(heard.data);
  }
  return send(w);
});
