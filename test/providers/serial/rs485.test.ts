import { mkdtemp, rm } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import contract from '#runtime/providers/iot-serial/contract.js';
import { rs485Struct } from '#runtime/providers/iot-serial/serialport/rs485.js';
import { Cleanup } from '../../helpers/cleanup.js';
import { createProvider, failure, providerEnv, session } from '../../helpers/providers.js';
import { PtyCable } from './pty.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe('RS-485', () => {
  const settings = { rtsOnSend: true, delayBeforeMs: 0, delayAfterMs: 0, receiveWhileSending: false };

  // struct serial_rs485 of linux/serial.h: flags, delay_rts_before_send, delay_rts_after_send and 20 bytes of nothing,
  // each number 32 bits in the machine's order; ENABLED 1, RTS_ON_SEND 2, RTS_AFTER_SEND 4, RX_DURING_TX 16.
  it.each([
    [{}, '03000000' + '00000000' + '00000000'],
    [{ rtsOnSend: false }, '05000000' + '00000000' + '00000000'],
    [
      { receiveWhileSending: true, delayBeforeMs: 1, delayAfterMs: 100 },
      '13000000' + '01000000' + '64000000',
    ],
  ])('is the structure of the kernel: %j', (more, golden) => {
    const bytes = Buffer.from(rs485Struct({ ...settings, ...more })).toString('hex');
    expect(bytes).toBe(golden + '00'.repeat(20));
  });

  it('is refused where the driver does not switch, and the port is free again', async () => {
    const folder = await mkdtemp('/dev/shm/iot-serial-');
    cleanup.add(() => rm(folder, { recursive: true, force: true }));
    const cable = new PtyCable(folder, 'bus');
    await cable.plug();
    cleanup.add(() => cable.unplug());
    const place = { ports: { bus: { path: cable.near } } };
    const provider = await createProvider(contract, 'serialport', providerEnv(), place);
    await provider.start(new AbortController().signal);
    cleanup.add(() => provider.stop());
    const bind = (port: unknown) =>
      provider.bind(session(contract, 'gateway', { ports: { bus: port } }), async () => undefined);
    const refused = await failure(() => bind({ rs485: {} }));
    expect(refused).toMatch(
      /^E_UNAVAILABLE the driver of .*bus does not switch RS-485 transceivers \(ENOTTY\)/,
    );
    expect(await failure(() => bind({}))).toBe('nothing was thrown');
  });
});
