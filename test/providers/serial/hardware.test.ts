import { afterEach, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import contract from '#runtime/providers/iot-serial/contract.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { call, createProvider, providerEnv, session, until } from '../../helpers/providers.js';

// A real port whose TX and RX are joined: what is written comes back.
const path = process.env.IOT_TEST_SERIAL;
const missing = path === undefined ? 'IOT_TEST_SERIAL does not name a port, such as /dev/ttyUSB0' : undefined;
if (missing !== undefined) process.stderr.write(`skipped serial port with TX joined to RX: ${missing}\n`);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

it.skipIf(missing !== undefined)(
  'what goes out of a real port comes back through a wire',
  {
    timeout: 60_000,
  },
  async () => {
    const settings = { ports: { loop: { path: path ?? '' } } };
    const provider = await createProvider(contract, 'serialport', providerEnv(), settings);
    await provider.start(new AbortController().signal);
    cleanup.add(() => provider.stop());
    const grant = { ports: { loop: { baudRate: 115_200, framing: { delimiter: '\n' } } } };
    const writer = session(contract, 'writer', grant);
    const heard: string[] = [];
    await provider.bind(writer, async (operation, message) => {
      const { data } = decodePayload('cbor', encodePayload('cbor', message)) as { data?: Uint8Array };
      if (operation === 'Data') heard.push(new TextDecoder().decode(data));
    });
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`);
    await call(contract, provider, writer, 'Write', { port: 'loop', data: `${lines.join('\n')}\n` });
    await call(contract, provider, writer, 'Drain', { port: 'loop' });
    await until(() => heard.length === lines.length, 'every line', 20_000);
    expect(heard).toEqual(lines);
  },
);
