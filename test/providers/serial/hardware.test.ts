import { expect, it, onTestFinished } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import contract from '#runtime/providers/iot-serial/contract.js';
import { call, createProvider, providerEnv, session, until } from '../../helpers/providers.js';
import { testSerialOverCable } from './over-cable.js';

// One real port whose TX and RX are joined, or two that a null-modem cable joins: `/dev/ttyUSB0,/dev/ttyUSB1`.
const setting = process.env.IOT_TEST_SERIAL;
const missing =
  'does not name a port with TX joined to RX (/dev/ttyUSB0), or two that a cable joins (/dev/ttyUSB0,/dev/ttyUSB1)';

if (setting === undefined) {
  process.stderr.write(`skipped iot:serial on real ports: IOT_TEST_SERIAL ${missing}\n`);
  it.skip('iot:serial on real ports: IOT_TEST_SERIAL does not name any', () => {});
} else {
  const [near = '', far, ...more] = setting.split(',');
  const areDevices = [near, far ?? near].every((path) => path.startsWith('/dev/'));
  if (!areDevices || near === far || more.length > 0)
    throw new Error(`IOT_TEST_SERIAL=${setting} ${missing}`);
  if (far === undefined) testLoop(near);
  else testSerialOverCable(near, far);
}

function testLoop(path: string): void {
  it('what goes out of a real port comes back through a wire', { timeout: 60_000 }, async () => {
    const provider = await createProvider(contract, 'serialport', providerEnv(), {
      ports: { loop: { path } },
    });
    await provider.start(new AbortController().signal);
    onTestFinished(() => provider.stop());
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
  });
}
