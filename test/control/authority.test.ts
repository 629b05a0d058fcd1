import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ControlAgentOptions } from '#runtime/control/agent/agent.js';
import { DeviceClient } from '#runtime/control/client/device-client.js';
import { nextCounter } from '#runtime/control/client/replies.js';
import type { BrokerLink } from '#runtime/control/mqtt/link.js';
import { RPC_ARGUMENTS } from '#runtime/control/protocol/arguments.js';
import { READING, type RpcHandlers, type RpcOperation } from '#runtime/control/protocol/messages.js';
import { topics } from '#runtime/control/protocol/topics.js';
import type { PlainValue } from '#runtime/trust/cbor/value.js';
import type { Signer } from '#runtime/trust/cose/signer.js';
import { createTrustDocument } from '#runtime/trust/document/document.js';
import { decodeReply } from '#runtime/trust/rpc/reply.js';
import { createRequest, encodeRequest, type Request } from '#runtime/trust/rpc/request.js';
import { startAedes } from '../helpers/broker.js';
import {
  bareLink,
  Cleanup,
  control,
  FakeDevice,
  failure,
  release,
  root,
  stranger,
  trust,
  until,
} from './fixture.js';

/** The document after the control key was stolen: another key has the role. */
const revoked = createTrustDocument({
  version: 2,
  issued: trust.issued,
  roles: {
    root: { keys: [root.publicKey] },
    release: { keys: [release.publicKey] },
    control: { keys: [stranger.publicKey] },
  },
});

const OPERATIONS = Object.keys(RPC_ARGUMENTS) as RpcOperation[];
const actor = 'blink';
const contract = 'iot:gpio';
/** Arguments that are taken; what is not here is refused for them, after the signature was believed. */
const ARGUMENTS: Partial<Record<string, PlainValue>> = {
  call: { actor, operation: 'Do', payload: Uint8Array.of(1) },
  'actors.start': { actor },
  'actors.stop': { actor },
  'actors.restart': { actor },
  'actors.remove': { actor },
  'providers.remove': { contract },
  'providers.start': { contract },
  'providers.swap': { contract, to: 'sim' },
  bind: { actor, contract, settings: {} },
  unbind: { actor, contract },
  'trust.update': { documents: [Uint8Array.of(1)] },
  abort: { component: actor },
};

const cleanup = new Cleanup();
let url: string;
let link: BrokerLink;
let document = trust;
/** Operations that were carried out. */
const done: string[] = [];
const answers: { counter: number; code: string }[] = [];

const handlers = Object.fromEntries(
  OPERATIONS.map((operation) => [
    operation,
    async () => {
      done.push(operation);
      return {};
    },
  ]),
) as unknown as RpcHandlers;

beforeEach(async () => {
  const broker = await startAedes();
  cleanup.add(broker, () => broker.stop());
  url = broker.url;
  document = trust;
  done.length = 0;
  answers.length = 0;
});
afterEach(() => cleanup.run());

async function start(options: Partial<ControlAgentOptions> = {}): Promise<void> {
  const device = new FakeDevice(url, 'pi-01', { handlers, trust: () => document, ...options });
  await device.start();
  cleanup.add(device, () => device.agent.stop());
  await until(() => device.agent.connected, 'device connected');
  link = await bareLink(url);
  cleanup.add(link, () => link.close());
  await link.subscribe(topics.response('pi-01', 'mallory'), ({ payload }) => {
    const reply = decodeReply(payload);
    answers.push({ counter: reply.counter, code: 'error' in reply ? reply.error.code : 'done' });
  });
}

const request = (operation: string, more: Partial<Request> = {}): Request => ({
  device: 'pi-01',
  session: 7,
  counter: nextCounter(),
  operation,
  args: ARGUMENTS[operation] ?? {},
  ...more,
});

async function send(bytes: Uint8Array): Promise<string> {
  const before = answers.length;
  await link.publish(topics.request('pi-01', 'mallory'), bytes);
  await until(() => answers.length > before, 'answer');
  return answers.at(-1)?.code ?? '';
}

describe('whoever reaches the broker and has no control key', () => {
  it.each(OPERATIONS)('cannot ask for %s', async (operation) => {
    await start();
    const signed = (key: Signer, more?: Partial<Request>) => createRequest(key, request(operation, more));
    expect(await send(encodeRequest(request(operation)))).toBe('E_UNSIGNED');
    expect(await send(signed(release))).toBe('E_UNAUTHORISED');
    expect(await send(signed(root))).toBe('E_UNAUTHORISED');
    expect(await send(signed(control, { session: 6 }))).toBe('E_REPLAY');
    expect(await send(signed(control, { device: 'pi-02' }))).toBe('E_WRONG_DEVICE');
    const forged = signed(control);
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
    expect(await send(forged)).toBe('E_SIGNATURE');
    expect(done).toEqual([]);

    // The same by the key that may: it is taken, once, whoever sends it again and under whichever name.
    const good = request(operation);
    const taken = await send(createRequest(control, good));
    expect(['done', 'E_PAYLOAD']).toContain(taken);
    const carriedOut = taken === 'done' ? [operation] : [];
    for (const client of ['mallory', 'eve']) {
      await link.publish(topics.request('pi-01', client), createRequest(control, good));
    }
    expect(await send(signed(stranger))).toBe('E_UNAUTHORISED');
    expect(answers.filter(({ counter }) => counter === good.counter)).toHaveLength(1);
    expect(done).toEqual(carriedOut);

    // A key that is not in the next version is nobody's from then on.
    document = revoked;
    expect(await send(signed(control))).toBe('E_UNAUTHORISED');
    expect(done).toEqual(carriedOut);
  });
});

describe('a device that opens reading', () => {
  it.each(OPERATIONS)('answers %s unsigned only if it changes nothing', async (operation) => {
    await start({ openReading: true });
    const reading = READING.has(operation);
    expect(await send(encodeRequest(request(operation)))).toBe(reading ? 'done' : 'E_UNSIGNED');
    expect(await send(encodeRequest(request(operation, { device: 'pi-02' })))).toBe(
      reading ? 'E_WRONG_DEVICE' : 'E_UNSIGNED',
    );
    expect(await send(encodeRequest(request(operation, { session: 6 })))).toBe(
      reading ? 'E_REPLAY' : 'E_UNSIGNED',
    );
    expect(done).toEqual(reading ? [operation] : []);
  });

  it('is read by a client without a key and by one with a key of its own, and changed by neither', async () => {
    await start({ openReading: true, handlers: new FakeDevice(url).handlers() });
    for (const signer of [undefined, stranger]) {
      const client = await DeviceClient.connect({ url, device: 'pi-01', signer });
      cleanup.add(client, () => client.close());
      expect(await client.rpc('ps', {})).toMatchObject({ device: 'pi-01', ready: true });
      const stopping = await failure(client.rpc('actors.stop', { actor }));
      expect(stopping.code).toBe(signer === undefined ? 'E_KEY' : 'E_UNAUTHORISED');
    }
  });

  it('answers those who sign while others ask more than it can do', async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const waiting = { ...handlers, ps: () => gate.then(() => ({})) } as unknown as RpcHandlers;
    await start({ openReading: true, handlers: waiting });
    for (let i = 0; i < 5; i++)
      await link.publish(topics.request('pi-01', 'mallory'), encodeRequest(request('ps')));
    await until(() => answers.length === 1, 'the fifth answer');
    expect(answers).toEqual([{ counter: 0, code: 'E_QUEUE_FULL' }]);
    expect(await send(createRequest(control, request('actors.stop')))).toBe('done');
    go();
    await until(() => answers.length === 6, 'all answers');
  });
});
