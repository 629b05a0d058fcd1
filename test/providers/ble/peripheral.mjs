// A Bluetooth LE peripheral in a process of its own, for the tests of iot:ble; argument: bleno's options as JSON.
// Asked by { id, operation, value? }, answers { id, value? }.
import { withBindings } from '@stoprocent/bleno';

const bleno = withBindings('hci', JSON.parse(process.argv[2]));
const { PrimaryService, Characteristic } = bleno;
let written;
let whenAsked = () => {};
const asked = new Promise((resolve) => {
  whenAsked = resolve;
});
const listeners = new Map();

const characteristics = [
  new Characteristic({
    uuid: 'a001',
    properties: ['read'],
    onReadRequest: (_connection, _offset, answer) =>
      answer(Characteristic.RESULT_SUCCESS, Buffer.from('hello')),
  }),
  new Characteristic({
    uuid: 'a002',
    properties: ['write', 'writeWithoutResponse'],
    onWriteRequest(_connection, data, _offset, _withoutResponse, answer) {
      written = data.toString();
      answer(Characteristic.RESULT_SUCCESS);
    },
  }),
  new Characteristic({
    uuid: 'a003',
    properties: ['notify'],
    onSubscribe: (connection, _size, update) => listeners.set(connection, update),
    onUnsubscribe: (connection) => listeners.delete(connection),
  }),
  new Characteristic({ uuid: 'a004', properties: ['read'], onReadRequest: () => whenAsked() }),
];

const operations = {
  written: () => written,
  asked: () => asked,
  cut: () =>
    new Promise((resolve) => {
      bleno.once('disconnect', () => resolve());
      // Else it would advertise anew as soon as the connection is gone, and go on with nobody behind it.
      bleno.stopAdvertising();
      bleno.disconnect();
    }),
  // Long enough for what the end of a connection has set off, too.
  rest: () => bleno.stopAdvertisingAsync().then(() => new Promise((resolve) => setTimeout(resolve, 100))),
  notify(value) {
    for (const update of listeners.values()) update(Buffer.from(value));
  },
};

process.on('message', async ({ id, operation, value }) => {
  process.send({ id, value: await operations[operation](value) });
});
process.on('disconnect', () => process.exit());

bleno.on('stateChange', async (state) => {
  if (state !== 'poweredOn') return;
  await bleno.setServicesAsync([new PrimaryService({ uuid: 'a000', characteristics })]);
  await bleno.startAdvertisingAsync('thermo', ['a000']);
  process.send({ ready: bleno.address });
});
