import { describe, expect, it } from 'vitest';
import { signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument } from '#runtime/trust/document/document.js';
import { publicFromSeed } from '#runtime/trust/ed25519.js';
import { URI_MQTT } from '#runtime/trust/suit/labels.js';
import { readReport } from '#runtime/trust/suit/report.js';
import { Bench, deviceSeed, digestOf, envelopeFor, moduleBytes, release, trust } from './bench.js';

const v1 = moduleBytes('good-1');
const v2 = moduleBytes('good-2');
const stranger = signerFromSeed(new Uint8Array(32).fill(9));

/** A device that runs `v1` at sequence 10. */
async function settled(options: Parameters<typeof Bench.start>[0] = {}): Promise<Bench> {
  const bench = await Bench.start(options);
  await bench.push(10, v1);
  bench.sink.clear();
  bench.target.log.length = 0;
  return bench;
}

const early: [string, Uint8Array, string][] = [
  ['is no envelope', Uint8Array.of(1, 2, 3), 'E_ENVELOPE'],
  ['is far too large', new Uint8Array(5 * 1024 * 1024), 'E_TOO_LARGE'],
  ['is signed by a stranger', envelopeFor(11, v2, { signers: [stranger] }), 'E_UNTRUSTED'],
  ['is for another device', envelopeFor(11, v2, { deviceName: 'pi-02' }), 'E_WRONG_DEVICE'],
  ['is for another board', envelopeFor(11, v2, { board: 'raspberry-pi-5' }), 'E_WRONG_DEVICE'],
  ['is for another slot', envelopeFor(11, v2, { slot: 'other' }), 'E_COMPONENT'],
  ['has expired', envelopeFor(11, v2, { useBefore: 1_799_999_999 }), 'E_EXPIRED'],
  ['is older', envelopeFor(9, v2), 'E_OLDER'],
  ['has the same number and other content', envelopeFor(10, v2), 'E_EQUIVOCATION'],
  ['is for no slot', envelopeFor(11, v2, { slot: '../blink' }), 'E_COMPONENT'],
  ['is to be watched for more than a day', envelopeFor(11, v2, { probationSeconds: 86_401 }), 'E_COMMAND'],
];

describe('an update is refused before anything is fetched when it', () => {
  it.each(early)('%s', async (_, envelope, code) => {
    const bench = await settled();
    bench.source.offer(v2);
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['received', `rejected ${code}`]);
    expect(bench.target.log).toEqual([]);
    expect(bench.source.sent).toHaveLength(3);
    expect(bench.running).toBe('good-1');
    const report = readReport(bench.sink.reports[0]!, publicFromSeed(deviceSeed));
    expect(report).toMatchObject({ state: 'rejected', outcome: code });
  });

  it('comes to a device that trusts nobody', async () => {
    const bench = await Bench.start({ trust: undefined });
    await bench.push(1, v1);
    expect(bench.sink.lines()).toEqual(['received', 'rejected E_NO_TRUST']);
    expect(bench.sink.last?.reason?.hint).toBe('iot-host keys trust');
  });

  it('has one byte changed, whichever', async () => {
    const bench = await settled();
    const envelope = envelopeFor(11, v2);
    for (let at = 0; at < envelope.length; at++) {
      const changed = envelope.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      bench.updates.desired('blink', changed);
    }
    await bench.updates.idle();
    expect(new Set(bench.sink.statuses.map((status) => status.state))).toEqual(
      new Set(['received', 'rejected']),
    );
    expect(bench.sink.statuses).toHaveLength(2 * envelope.length);
  });

  it('names a slot that cannot be: it is not even answered', async () => {
    const bench = await settled();
    for (const name of ['../blink', '', 'a'.repeat(64), '__proto__']) {
      bench.updates.desired(name, envelopeFor(11, v2));
    }
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual([]);
  });
});

it('an expiry that no trusted clock can test is not held against it', async () => {
  const bench = await settled();
  bench.clock.isTrusted = false;
  await bench.push(11, v2, { useBefore: 1_800_000_001 });
  expect(bench.sink.last?.state).toBe('active');
  // The disk remembers the time at which sequence 10 was committed: that much is certain.
  bench.sink.clear();
  await bench.push(12, v1, { useBefore: 1_799_999_999 });
  expect(bench.sink.lines()).toEqual(['received', 'rejected E_EXPIRED']);
});

describe('a fetched module is refused', () => {
  const fetched = ['received', 'verified', 'fetching 0', 'fetching 40', 'fetching 81', 'fetching 100'];

  it('when admission refuses it, and then it is not fetched again', async () => {
    const bench = await settled();
    const envelope = await bench.push(11, moduleBytes('good-2', { refused: true }));
    expect(bench.sink.lines()).toEqual([...fetched, 'rejected E_IMPORT']);
    expect(bench.target.log).toEqual([]);
    const again = await bench.restart();
    again.updates.desired('blink', envelope);
    await again.updates.idle();
    expect(again.sink.lines()).toEqual(['rejected E_IMPORT']);
    expect([...bench.memory.files.keys()].filter((name) => name.includes('blobs'))).toHaveLength(1);
  });

  it('when it has another identity than the slot holds', async () => {
    const bench = await settled();
    await bench.push(11, moduleBytes('good-2', { key: 'M-OTHER' }));
    expect(bench.sink.lines()).toEqual([...fetched, 'rejected E_IDENTITY']);
    expect(bench.sink.last?.reason?.hint).toContain('--replace-identity');
    expect(bench.running).toBe('good-1');
  });

  it('when the sender has other bytes, tried three times', async () => {
    const bench = await settled();
    bench.source.offer(v1, digestOf(v2));
    bench.updates.desired('blink', envelopeFor(11, v2));
    for (const ms of [1000, 2000]) await bench.clock.elapse(ms);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual([...fetched, 'rejected E_DIGEST']);
    expect(bench.source.sent).toHaveLength(3 + 9);
    expect([...bench.memory.files.keys()].filter((name) => name.includes('tmp'))).toEqual([]);
  });

  it('when it asks for more than before and the role may not grow', async () => {
    const roles = Object.fromEntries(
      [...trust.roles.keys()].map((name) => [name, { keys: [release.publicKey], mayGrow: false }]),
    );
    const strict = createTrustDocument({ version: 1, issued: 1, roles: { root: { keys: [] }, ...roles } });
    const bench = await settled({ trust: strict });
    await bench.push(11, moduleBytes('good-2', { capabilities: ['iot:gpio', 'iot:mqtt'] }));
    expect(bench.sink.last?.reason?.code).toBe('E_CLAIMS');
  });
});

it('what cannot be told to anybody does not stop an update, nor the host', async () => {
  const bench = await Bench.start();
  bench.sink.status = () => new Promise(() => {});
  bench.sink.report = async () => {
    throw new Error('gone');
  };
  bench.source.offer(v1);
  bench.updates.desired('blink', envelopeFor(1, v1));
  while (bench.updates.sequence('blink') !== 1) await new Promise(setImmediate);
  const stopped = bench.updates.stop();
  await bench.clock.elapse(2_000);
  await stopped;
  expect(bench.running).toBe('good-1');
});

describe('the same message again', () => {
  it('is answered as active, also after a restart, and runs nothing', async () => {
    const bench = await Bench.start();
    const envelope = await bench.push(10, v1);
    bench.sink.clear();
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['active']);
    const again = await bench.restart();
    again.updates.desired('blink', envelope);
    await again.updates.idle();
    expect(again.sink.lines()).toEqual(['active']);
    expect(again.target.log).toEqual([]);
    expect(again.sink.reports).toEqual([]);
  });

  it('is answered with the refusal, until the trust document changes', async () => {
    const bench = await Bench.start({ trust: undefined });
    const envelope = await bench.push(10, v1);
    bench.sink.clear();
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['rejected E_NO_TRUST']);
    bench.trust = trust;
    await bench.updates.trustChanged();
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.last?.state).toBe('active');
  });

  it('is judged again after its module was refused, once the trust document changes', async () => {
    const bench = await settled();
    const envelope = await bench.push(11, moduleBytes('good-2', { refused: true }));
    bench.sink.clear();
    await bench.updates.trustChanged();
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()[0]).toBe('received');
  });

  it('is judged again when something else has been installed since', async () => {
    const bench = await Bench.start();
    bench.source.offer(v2);
    const digest = Uint8Array.from(Buffer.from(digestOf(v2), 'hex'));
    const component = { id: ['actor', 'blink'], digest, size: v2.length, uri: URI_MQTT };
    const envelope = envelopeFor(11, v2, { components: [{ ...component, requires: ['>=', '1.0'] }] });
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['received', 'rejected E_WRONG_DEVICE']);
    await bench.push(10, v1);
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.running).toBe('good-2');
  });

  it('is not confused by a bad envelope around the same manifest', async () => {
    const bench = await Bench.start();
    bench.source.offer(v1);
    bench.updates.desired('blink', envelopeFor(10, v1, { signers: [stranger] }));
    bench.updates.desired('blink', envelopeFor(10, v1));
    await bench.updates.idle();
    expect(bench.sink.lines(10).at(-1)).toBe('active');
  });

  it('is refused once the slot was emptied on purpose', async () => {
    const bench = await Bench.start();
    const envelope = await bench.push(10, v1);
    await bench.updates.remove('blink');
    expect(bench.running).toBeUndefined();
    bench.sink.clear();
    bench.updates.desired('blink', envelope);
    await bench.updates.idle();
    expect(bench.sink.lines()).toEqual(['received', 'rejected E_OLDER']);
    expect((await bench.restart()).running).toBeUndefined();
  });
});
