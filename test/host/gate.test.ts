import { describe, expect, it } from 'vitest';
import { Gate } from '#runtime/host/gate.js';

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('a gate', () => {
  it('that closes waits for those inside and holds newcomers', async () => {
    const gate = new Gate();
    const order: string[] = [];
    let leave = () => {};
    const inside = gate.run(
      () =>
        new Promise<void>((resolve) => {
          leave = () => {
            order.push('out');
            resolve();
          };
        }),
    );
    const closed = gate.close(60_000).then(() => order.push('closed'));
    const late = gate.run(() => order.push('late'));
    await tick();
    expect(order).toEqual([]);
    leave();
    await Promise.all([inside, closed]);
    await tick();
    expect(order).toEqual(['out', 'closed']);
    gate.open();
    await late;
    expect(order).toEqual(['out', 'closed', 'late']);
  });

  it('does not wait for ever for those inside', async () => {
    const gate = new Gate();
    void gate.run(() => new Promise(() => undefined));
    await gate.close(5);
    gate.open();
    await expect(gate.run(() => 'in')).resolves.toBe('in');
  });

  it('lets out what fails, and holds again those who wait when it closes once more', async () => {
    const gate = new Gate();
    await expect(gate.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await gate.close(60_000);
    let entered = false;
    const waiting = gate.run(() => {
      entered = true;
    });
    gate.open();
    await gate.close(60_000);
    await tick();
    expect(entered).toBe(false);
    gate.open();
    await waiting;
  });
});
