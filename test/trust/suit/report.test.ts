import { describe, expect, it } from 'vitest';
import { readCbor } from '#runtime/trust/cbor/reader.js';
import type { CborValue } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { keyId } from '#runtime/trust/cose/key.js';
import { createSign1, readSign1 } from '#runtime/trust/cose/sign1.js';
import { createReport, type Report, readReport } from '#runtime/trust/suit/report.js';
import { cutCodes, flipCodes, rangeOf } from '../flips.js';
import { alice, component, mallory } from './scene.js';

const report: Report = {
  uri: 'mqtt:',
  manifestDigest: component().digest,
  device: 'pi-01',
  state: 'active',
  outcome: 'done',
};
const code = (expected: string) => expect.objectContaining({ code: expected });

/** The member of the payload under an integer key, as bytes. */
function member(bytes: Uint8Array, key: number): string | undefined {
  const payload = readCbor(readSign1(bytes).payload ?? new Uint8Array(0));
  if (payload.kind !== 'map') throw new Error('a report is a map');
  const found = payload.entries.find(([name]) => name.value === key);
  return found === undefined ? undefined : Buffer.from(found[1].raw).toString('hex');
}

describe('a device report', () => {
  it.each<Report>([
    report,
    { ...report, grown: ['blink iot:mqtt', 'blink iot:gpio'] },
    { ...report, state: 'staged', outcome: 'pending', componentIndex: 0 },
    { ...report, state: 'rejected', outcome: 'E_OLDER', componentIndex: 3, nonce: Uint8Array.of(1, 2) },
  ])('comes back as it was: $outcome', (value) => {
    const { nonce, componentIndex, ...rest } = readReport(createReport(value, alice), alice.publicKey);
    expect({ nonce, componentIndex, ...rest }).toEqual({
      nonce: undefined,
      componentIndex: undefined,
      ...value,
    });
  });

  it('carries the numbers that other SUIT tools read', () => {
    expect(member(createReport(report, alice), 4)).toBe('f5');
    expect(member(createReport(report, alice), 99)).toBe(
      `82656d7174743a822f5820${Buffer.from(report.manifestDigest).toString('hex')}`,
    );
    const failed = createReport({ ...report, outcome: 'E_OLDER', componentIndex: 2 }, alice);
    expect(member(failed, 4)).toBe('a3050406858014000 2a0070a'.replaceAll(' ', ''));
    const pending = createReport({ ...report, outcome: 'pending' }, alice);
    expect(member(pending, 4)).toBe('a305000685800900 00a0070c'.replaceAll(' ', ''));
  });

  it('is refused from another key, when damaged, and when cut', () => {
    const bytes = createReport(report, alice);
    expect(() => readReport(bytes, mallory.publicKey)).toThrow(code('E_UNTRUSTED'));
    const read = (damaged: Uint8Array) => readReport(damaged, alice.publicKey);
    const regions = {
      kid: rangeOf(bytes, keyId(alice.publicKey)),
      payload: rangeOf(bytes, readSign1(bytes).payload ?? new Uint8Array(0)),
      signature: [bytes.length - 64, bytes.length] as const,
    };
    expect(flipCodes(bytes, regions, read)).toEqual({
      kid: ['E_UNTRUSTED'],
      payload: ['E_SIGNATURE'],
      signature: ['E_SIGNATURE'],
      structure: ['E_ALG', 'E_ENVELOPE'],
    });
    expect(cutCodes(bytes, read)).toEqual(['E_ENVELOPE']);
    expect(() => readReport(new Uint8Array(9000), alice.publicKey)).toThrow(code('E_TOO_LARGE'));
  });

  it('is refused when its own device signed something else', () => {
    const of = (value: CborValue) => createSign1(alice, writeCbor(value));
    expect(() => readReport(of([]), alice.publicKey)).toThrow(code('E_ENVELOPE'));
    expect(() => readReport(of(new Map([[4, true]])), alice.publicKey)).toThrow(code('E_ENVELOPE'));
    const detached = createSign1(alice, writeCbor({}), { detached: true });
    expect(() => readReport(detached, alice.publicKey)).toThrow(code('E_ENVELOPE'));
  });
});
