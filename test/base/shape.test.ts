import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { encodePayload } from '#runtime/base/codec.js';
import { checkShape, ShapeError } from '#runtime/base/config/shape.js';
import { loadContracts } from '#runtime/providers/discover.js';

const contracts = [...(await loadContracts()).values()].map(({ contract }) => contract);

/** What is said of settings of a binding, or of a provider. */
const said = (check: () => unknown): string => {
  try {
    check();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ShapeError);
    expect(thrown).toMatchObject({ code: 'E_CONFIG' });
    return (thrown as ShapeError).message;
  }
  throw new Error('was accepted');
};
const binding = (id: string, settings: unknown) =>
  said(() => contracts.find((one) => one.id === id)?.parseGrant(settings, ['contract', 'name']));

describe('settings that are not valid', () => {
  const line = (settings: unknown) => ({ lines: { LED: settings } });
  const port = (settings: unknown) => ({ ports: { p: settings } });
  const FORMS = 'expected raw, {delimiter: …}, {gapMs: …} or {lengthPrefix: …}';
  it.each<[contract: string, settings: unknown, text: string]>([
    ['iot:gpio', line({}), 'lines.LED.direction: is missing, expected one of out, in'],
    [
      'iot:gpio',
      line({ direction: 'outt' }),
      'lines.LED.direction: expected one of out, in; did you mean "out"?',
    ],
    ['iot:gpio', line({ direction: 'out', safe: 2 }), 'lines.LED.safe: expected 0 or 1'],
    ['iot:gpio', line({ direction: 'in', edges: 1 }), 'lines.LED.edges: unknown key, did you mean "edge"?'],
    [
      'iot:gpio',
      line({ direction: 'out', bias: 'none' }),
      'lines.LED.bias: unknown key, known here: direction, active, safe, drive',
    ],
    ['iot:gpio', line(null), 'lines.LED: is missing, expected a mapping'],
    ['iot:gpio', { lines: ['LED'] }, 'lines: expected a mapping, found a list'],
    ['iot:gpio', { nmae: 'a' }, 'nmae: unknown key, did you mean "name"?'],
    [
      'iot:gpio',
      line({ direction: 'in', debounceMs: -1, edge: 'up' }),
      'lines.LED.edge: expected one of rising, falling, both; lines.LED.debounceMs: expected at least 0',
    ],
    ['iot:serial', port({ framing: 'row' }), `ports.p.framing: ${FORMS}`],
    [
      'iot:serial',
      port({ framing: { delimter: '\n' } }),
      `ports.p.framing: ${FORMS}; did you mean "delimiter"?`,
    ],
    [
      'iot:serial',
      port({ framing: { delimiter: '' } }),
      'ports.p.framing.delimiter: expected at least 1 character',
    ],
    [
      'iot:serial',
      port({ framing: { lengthPrefix: { bytes: 3 } } }),
      'ports.p.framing.lengthPrefix.bytes: expected 1, 2 or 4',
    ],
    ['iot:serial', port({ rs485: true }), 'ports.p.rs485: expected a mapping, found true or false'],
    ['iot:ble', { services: ['zz'] }, 'services[0]: not a UUID: 180d, or 128 bits in hex'],
    ['iot:ble', { services: [] }, 'services: expected at least 1 entry'],
    ['wascc:http_server', {}, 'PORT: is missing, expected a whole number or text'],
    ['wascc:keyvalue', { space: 'a/b' }, 'space: use 1 to 64 of A-Z, a-z, 0-9, ., _ and -'],
    ['wascc:logging', { level: 'debug' }, 'level: unknown key, known here: contract, name'],
  ])('%s %j', (id, settings, text) => expect(binding(id, settings)).toBe(text));

  it.each<[contract: string, use: string, settings: unknown, text: string]>([
    ['iot:serial', 'serialport', port({}), 'ports.p: expected {path: …} or {usb: …}'],
    [
      'iot:serial',
      'serialport',
      port({ ubs: '0403:6001' }),
      'ports.p: expected {path: …} or {usb: …}; did you mean "usb"?',
    ],
    ['iot:serial', 'serialport', port({ path: 'tty1' }), 'ports.p.path: must start with "/dev/"'],
    [
      'iot:serial',
      'serialport',
      { ports: { 'a b': { path: '/dev/x' } } },
      'ports.a b: use 1 to 64 of A-Z, a-z, 0-9, _ and -',
    ],
    ['iot:ble', 'stoprocent', { hci: 32 }, 'hci: expected at most 31'],
    ['iot:ble', 'stoprocent', { hci: true }, 'hci: expected a whole number from 0 to 31 or {uart: …}'],
    ['iot:ble', 'stoprocent', { hci: { uart: {} } }, 'hci.uart.port: is missing, expected text'],
    [
      'iot:ble',
      'sim',
      { peripherals: [{ address: 'x' }] },
      'peripherals[0].address: expected an address like a4:c1:38:00:00:01',
    ],
    ['iot:gpio', 'sim', { chip: 1 }, 'chip: unknown key, there is nothing to set here'],
  ])('%s %s %j', async (id, use, settings, text) => {
    const module = await contracts.find((one) => one.id === id)?.loadImplementation(use);
    expect(said(() => module && checkShape(module.settings, settings))).toBe(text);
  });

  it('are named up to a number, and their values never', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, 'Hunter2!']));
    const text = binding('iot:gpio', { lines: many });
    expect(text).toMatch(/^lines\.k0: expected a mapping, found text; .*lines\.k7: [^;]*; and 92 more$/);
    const values = { lines: { LED: { direction: 'Hunter2!', safe: 'Hunter2!' } }, scan: 'Hunter2!' };
    for (const { id } of contracts) {
      if (id.startsWith('iot:') && id !== 'iot:mqtt') expect(binding(id, values)).not.toContain('Hunter2');
    }
    expect(binding('iot:gpio', { lines: many })).not.toContain('Hunter2');
  });

  it('have the text of their schema where it has one, and no raw one of the checker', () => {
    const of = (schema: z.ZodType, value: unknown) => said(() => checkShape(schema, value));
    expect(of(z.ipv4(), 'x')).toBe('not a valid IPv4 address');
    expect(
      of(
        z.string().refine(() => false),
        'x',
      ),
    ).toBe('not acceptable');
    expect(of(z.string().regex(/^a$/), 'x')).toBe('must match pattern /^a$/');
    expect(of(z.literal(2), 3)).toBe('expected 2');
    expect(of(z.tuple([z.number(), z.union([z.literal(1), z.literal(2)])]), [1, 3])).toBe(
      '[1]: expected 1 or 2',
    );
  });

  it('of a union whose schema cannot be drawn are named nevertheless', () => {
    const schema = z.object({ a: z.union([z.bigint(), z.date()]) });
    expect(said(() => checkShape(schema, { a: 1 }))).toMatch(/^a: expected .+/);
  });
});

it('a request that is not what its operation takes is told so in the same words', () => {
  const gpio = contracts.find(({ id }) => id === 'iot:gpio');
  const session = { actor: 'a', binding: 'default', grant: {} };
  const ask = () => gpio?.handle(undefined, session, 'Write', encodePayload('cbor', { line: 5 }));
  expect(ask).toThrow(
    expect.objectContaining({
      code: 'E_PAYLOAD',
      message: 'iot:gpio Write: line: expected text, found a number; value: is missing, expected 0 or 1',
    }),
  );
});

/** Names and values of every schema, and of none: deep enough to be right in part. */
const Key = fc.constantFrom(
  ...['lines', 'LED', 'direction', 'safe', 'edge', 'ports', 'framing', 'delimiter', 'lengthPrefix', 'bytes'],
  ...['hci', 'uart', 'port', 'services', 'peripherals', 'subscribe', 'PORT', 'hosts', 'SUBSCRIPTION'],
  ...['path', 'usb', '__proto__', 'constructor', 'toString', 'length', '0', ''],
);
const { settings: Settings } = fc.letrec<{ settings: unknown }>((tie) => ({
  settings: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom<unknown>('in', 'out', 'raw', '', 0, 1, -1, 2.5, Number.NaN, true, null, undefined, 5n),
    fc.anything(),
    fc.array(tie('settings'), { maxLength: 3 }),
    fc.array(fc.tuple(Key, tie('settings')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

it('whatever stands in settings is a value, or a ShapeError with a text', async () => {
  const schemas = await Promise.all(
    contracts.flatMap((contract) => [
      (value: unknown) => contract.parseGrant(value, ['contract', 'name']),
      ...contract.implementations.map(async (name) => {
        const { settings } = await contract.loadImplementation(name);
        return (value: unknown) => checkShape(settings, value);
      }),
    ]),
  );
  fc.assert(
    fc.property(Settings, (value) => {
      for (const check of schemas) {
        try {
          check(value);
        } catch (thrown) {
          if (!(thrown instanceof ShapeError)) throw thrown;
          expect(thrown.faults.length).toBeGreaterThan(0);
          for (const { text } of thrown.faults) expect(text).not.toMatch(/^$|undefined|Invalid|\[object|: $/);
        }
      }
    }),
    { seed: 11, numRuns: 300 },
  );
});
