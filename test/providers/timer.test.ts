import { describe, expect, it } from 'vitest';
import { systemClock } from '#runtime/providers/iot-timer/clock.js';
import contract from '#runtime/providers/iot-timer/contract.js';
import { HostTimers } from '#runtime/providers/iot-timer/host.js';
import { call, createProvider, providerEnv, recordingLogger, session } from '../helpers/providers.js';
import { testTimerContract } from './timer.contract.js';

testTimerContract('host', (clock, lines) => new HostTimers('no', recordingLogger(lines), clock));

describe('iot:timer host on the real clock', () => {
  it('ticks, never early', async () => {
    const provider = await createProvider(contract, 'host', providerEnv(), { clock: 'yes' });
    const blink = session(contract, 'blink');
    const begun = systemClock.monotonicNs();
    const ticked = new Promise<bigint>((resolve) => {
      const deliver = async () => resolve(systemClock.monotonicNs());
      void provider
        .bind(blink, deliver)
        .then(() => call(contract, provider, blink, 'After', { id: 'a', ms: 20 }));
    });
    expect((await ticked) - begun).toBeGreaterThanOrEqual(20_000_000n);
    expect(await call(contract, provider, blink, 'Now')).toMatchObject({ trusted: true });
    await provider.stop();
  });

  it('does not fire at once for a delay beyond 32 bits', async () => {
    let woken = false;
    const cancel = systemClock.wait(2 ** 40, () => {
      woken = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    cancel();
    expect(woken).toBe(false);
  });

  it('answers Now in the cell, without a promise', async () => {
    const implementation = await contract.loadImplementation('host');
    const env = { dataDir: '/nonexistent', log() {} };
    const cell = implementation.createInCell?.(implementation.settings.parse({ clock: 'no' }), env);
    const before = Date.now();
    const reply = await call(contract, cell, session(contract, 'blink'), 'Now');
    expect(reply).toMatchObject({ trusted: false });
    expect((reply as { unixMs: number }).unixMs).toBeGreaterThanOrEqual(before);
    expect(contract.handle(cell, session(contract, 'a'), 'Now', new Uint8Array(0))).toBeInstanceOf(
      Uint8Array,
    );
  });
});
