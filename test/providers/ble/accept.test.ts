import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { accepted } from '#runtime/providers/iot-ble/noble/accept.js';
import type { NoblePeripheral } from '#runtime/providers/iot-ble/noble/api.js';
import { failure } from '../../helpers/providers.js';

/** Does as the packages do: `connect` says that it is cancelled at once, and what the controller says comes later. */
class Attempted extends EventEmitter {
  state = 'disconnected';
  readonly done: string[] = [];

  /** `outcome`: how an attempt ends that is cancelled. */
  constructor(private readonly outcome: 'made' | 'cancelled') {
    super();
  }

  connect(done: (error?: Error) => void): void {
    this.state = 'connecting';
    this.once('connect', done);
  }

  cancelConnect(): void {
    this.done.push('cancel');
    this.emit('connect', new Error('connection canceled!'));
    setImmediate(() => {
      this.state = this.outcome === 'made' ? 'connected' : 'error';
      this.done.push(this.state);
      if (this.outcome === 'made') setImmediate(() => this.emit('mtu', this.done.push('answered')));
      this.emit('connect', this.outcome === 'made' ? undefined : new Error('Unknown Connection Identifier'));
    });
  }

  disconnect(done: () => void): void {
    this.once('disconnect', done);
    setImmediate(() => {
      this.state = 'disconnected';
      this.done.push(this.state);
      this.emit('disconnect', 22);
    });
  }
}

it.each([
  ['made', ['cancel', 'connected', 'answered', 'disconnected']],
  ['cancelled', ['cancel', 'error']],
] as const)(
  'leaves no connection behind when it is given up and %s in the same moment',
  async (outcome, done) => {
    const peripheral = new Attempted(outcome);
    const enough = new AbortController();
    const attempt = failure(() => accepted(peripheral as unknown as NoblePeripheral, enough.signal));
    enough.abort();
    expect(await attempt).toBe('E_PROVIDER no connection: it does not accept one');
    expect(peripheral.done).toEqual(done);
    expect(peripheral.eventNames()).toEqual([]);
  },
);

it('is given up although the package cannot end what was made', async () => {
  const peripheral = new Attempted('made');
  peripheral.disconnect = () => {
    throw new Error('it holds on');
  };
  const enough = new AbortController();
  const attempt = failure(() => accepted(peripheral as unknown as NoblePeripheral, enough.signal));
  enough.abort();
  expect(await attempt).toBe('E_PROVIDER no connection: it does not accept one');
});
