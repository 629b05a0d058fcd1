import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CborKey, type CborValue, Encoded, Tagged } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { createAuthentication, digestArray, sha256 } from '#runtime/trust/cose/authentication.js';
import { createEnvelope } from '#runtime/trust/suit/create-envelope.js';
import { vendorId } from '#runtime/trust/suit/identifiers.js';
import { inspectEnvelope } from '#runtime/trust/suit/inspect.js';
import { PROPERTY, plainValue } from '../cbor/arbitrary.js';
import { alice, component, envelope, MODULE, mallory, outcome, signed } from './scene.js';

type Entries = [CborKey, CborValue | undefined][];
const map = (entries: Entries) => new Map(entries);
const digest = digestArray(component().digest);
const parameters: Entries = [
  [1, vendorId()],
  [3, digest],
  [14, MODULE.length],
];
const INSTALL: CborValue[] = [20, map([[21, 'mqtt:']]), 21, 15, 3, 15];
const INSTALLED = writeCbor(INSTALL);
const digested = (bytes: Uint8Array) => new Encoded(digestArray(sha256(bytes)));

/** A manifest that is accepted, with members replaced or (`undefined`) taken away. */
function manifest(
  changes: Entries = [],
  parts: { common?: Entries; shared?: CborValue[]; install?: CborValue[] } = {},
): CborValue {
  const id = [Buffer.from('actor'), Buffer.from('blink')].map((bytes) => Uint8Array.from(bytes));
  const common: Entries = [
    [2, [id]],
    [4, writeCbor(parts.shared ?? [20, map(parameters), 1, 15])],
    ...(parts.common ?? []),
  ];
  return map([
    ...map([
      [1, 1],
      [2, 10],
      [3, writeCbor(map([...map(common)]))],
      [7, writeCbor([3, 15])],
      [20, writeCbor(parts.install ?? INSTALL)],
      ...changes,
    ]),
  ]);
}

const withParameter = (key: number, value: CborValue) =>
  manifest([], { shared: [20, map([...parameters, [key, value]]), 1, 15] });
const withShared = (...more: CborValue[]) => manifest([], { shared: [20, map(parameters), 1, 15, ...more] });

describe('a manifest that somebody trusted has signed', () => {
  it('is accepted when it is plain', () => {
    expect(outcome(signed(manifest()))).toMatchObject({ sequence: 10, components: [{ uri: 'mqtt:' }] });
  });

  it.each<[string, string, CborValue]>([
    ['another version of the format', 'E_COMMAND', manifest([[1, 2]])],
    ['no version of the format', 'E_ENVELOPE', manifest([[1, undefined]])],
    ['no sequence number', 'E_ENVELOPE', manifest([[2, undefined]])],
    ['a sequence number beyond 2^53-1', 'E_ENVELOPE', manifest([[2, 2n ** 53n]])],
    ['a negative sequence number', 'E_ENVELOPE', manifest([[2, -1]])],
    ['no common part', 'E_ENVELOPE', manifest([[3, undefined]])],
    ['dependencies', 'E_COMMAND', manifest([], { common: [[1, map([[0, {}]])]] })],
    ['no component', 'E_ENVELOPE', manifest([], { common: [[2, []]] })],
    ['a component without a name', 'E_ENVELOPE', manifest([], { common: [[2, [[]]]] })],
    ['a component with an empty part', 'E_ENVELOPE', manifest([], { common: [[2, [[new Uint8Array(0)]]]] })],
    ['a component that is not text', 'E_ENVELOPE', manifest([], { common: [[2, [[Uint8Array.of(0xff)]]]] })],
    [
      'a component listed twice',
      'E_ENVELOPE',
      manifest([], { common: [[2, [[Uint8Array.of(97)], [Uint8Array.of(97)]]]] }),
    ],
    [
      'nine components',
      'E_TOO_LARGE',
      manifest([], { common: [[2, Array.from({ length: 9 }, (_, n) => [Uint8Array.of(97 + n)])]] }),
    ],
    ['a reference uri', 'E_COMMAND', manifest([[4, 'https://example.com/m']])],
    ['a load section', 'E_COMMAND', manifest([[8, writeCbor([])]])],
    ['a payload-fetch section', 'E_COMMAND', manifest([[16, writeCbor([])]])],
    ['an uninstall section', 'E_COMMAND', manifest([[24, writeCbor([])]])],
    ['a private member', 'E_COMMAND', manifest([[-300, 0]])],
    ['a member named in text', 'E_COMMAND', manifest([['x', 0]])],
    ['a section that is no byte string', 'E_ENVELOPE', manifest([[20, INSTALL]])],
    ['a section with trailing bytes', 'E_ENVELOPE', manifest([[7, Uint8Array.of(0x82, 3, 15, 0)]])],
    ['a section of no pairs', 'E_ENVELOPE', manifest([], { install: [...INSTALL, 3] })],
    ['no section to install', 'E_ENVELOPE', manifest([[20, undefined]])],
    ['a try-each', 'E_COMMAND', withShared(15, [writeCbor([])])],
    ['run-sequence', 'E_COMMAND', withShared(32, writeCbor([]))],
    ['abort', 'E_COMMAND', withShared(14, 15)],
    ['a copy', 'E_COMMAND', manifest([], { install: [...INSTALL, 22, 15] })],
    ['a write', 'E_COMMAND', manifest([], { install: [...INSTALL, 18, 15] })],
    ['a fetch among the shared commands', 'E_COMMAND', withShared(21, 15)],
    ['an invoke among the install commands', 'E_COMMAND', manifest([], { install: [...INSTALL, 23, 15] })],
    ['a command of its own', 'E_COMMAND', withShared(-300, 15)],
    ['all components at once', 'E_COMMAND', withShared(12, true)],
    ['a component that does not exist', 'E_ENVELOPE', withShared(12, 1)],
    ['a reporting policy of 16', 'E_ENVELOPE', withShared(1, 16)],
    ['soft failure', 'E_COMMAND', withParameter(13, true)],
    ['a private parameter', 'E_COMMAND', withParameter(-300, 0)],
    ['a vendor of 15 bytes', 'E_ENVELOPE', withParameter(2, new Uint8Array(15))],
    ['a digest by SHA-512', 'E_ALG', withParameter(3, writeCbor([-44, new Uint8Array(64)]))],
    ['a short digest', 'E_ENVELOPE', withParameter(3, writeCbor([-16, new Uint8Array(31)]))],
    ['chunk digests cut in the middle', 'E_ENVELOPE', withParameter(-258, new Uint8Array(15))],
    ['chunk digests for another size', 'E_ENVELOPE', withParameter(-258, new Uint8Array(32))],
    ['no chunk digests for one chunk', 'E_ENVELOPE', withParameter(-258, new Uint8Array(0))],
    ['chunk digests that are no bytes', 'E_ENVELOPE', withParameter(-258, [new Uint8Array(16)])],
    ['a comparison that is none', 'E_ENVELOPE', withParameter(28, writeCbor([6, [1]]))],
    ['a device test without a device', 'E_ENVELOPE', withShared(24, 15)],
    ['no vendor test', 'E_ENVELOPE', manifest([], { shared: [20, map(parameters)] })],
    [
      'no digest',
      'E_ENVELOPE',
      manifest([], {
        shared: [
          20,
          map([
            [1, vendorId()],
            [14, 8],
          ]),
          1,
          15,
        ],
      }),
    ],
    [
      'no size',
      'E_ENVELOPE',
      manifest([], {
        shared: [
          20,
          map([
            [1, vendorId()],
            [3, digest],
          ]),
          1,
          15,
        ],
      }),
    ],
    ['no address', 'E_ENVELOPE', manifest([], { install: [21, 15, 3, 15] })],
    ['no fetch', 'E_ENVELOPE', manifest([], { install: [3, 15] })],
    [
      'a digest that changes after it was compared',
      'E_ENVELOPE',
      manifest([], { install: [...INSTALL, 20, map([[3, digestArray(new Uint8Array(32))]])] }),
    ],
    ['two fetches', 'E_ENVELOPE', manifest([], { install: [...INSTALL, 21, 15] })],
    ['no comparison', 'E_ENVELOPE', manifest([[7, undefined]], { install: INSTALL.slice(0, 4) })],
    ['no map', 'E_ENVELOPE', [1, 2, 3]],
  ])('is refused with %s: %s', (_name, code, value) => {
    expect(outcome(signed(value))).toBe(code);
  });

  it('may end with an invoke, and may ask for consent', () => {
    expect(outcome(signed(manifest([[9, writeCbor([23, 15])]])))).toMatchObject({ sequence: 10 });
    const asks = manifest([], { shared: [20, map([...parameters, [27, 0]]), 1, 15, 27, 15] });
    expect(outcome(signed(asks))).toMatchObject({ sequence: 10 });
  });

  it('is not decoded, whatever it holds, when nobody trusted has signed it', () => {
    expect(outcome(signed('nonsense', [], [mallory]))).toBe('E_UNTRUSTED');
    expect(outcome(signed('nonsense', [], [alice]))).toBe('E_ENVELOPE');
  });
});

describe('whatever a trusted key has signed', () => {
  const accepted = map([...(manifest() as Map<CborKey, CborValue>)]);
  const member = fc.constantFrom<CborKey>(1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15, 16, 18, 20, 23, 24, -257, 'x');

  it('is accepted or refused with a reason, never worse', () => {
    fc.assert(
      fc.property(member, plainValue, fc.boolean(), (key, value, wrap) => {
        const damaged = new Map(accepted).set(key, wrap ? writeCbor(value) : value);
        const result = outcome(signed(damaged));
        expect(typeof result === 'string' ? result : result.sequence).toBeDefined();
      }),
      PROPERTY,
    );
  });

  it('is so for sequences of commands, too', () => {
    const argument = fc.oneof(plainValue, fc.constantFrom<CborValue>(15, 0, map(parameters)));
    const sequence = fc.array(fc.tuple(fc.integer({ min: 0, max: 33 }), argument), { maxLength: 6 });
    fc.assert(
      fc.property(sequence, sequence, (shared, install) => {
        const result = outcome(
          signed(manifest([], { shared: shared.flat(), install: [...install.flat(), ...INSTALL] })),
        );
        expect(typeof result === 'string' ? result : result.sequence).toBeDefined();
      }),
      PROPERTY,
    );
  });
});

describe('the outer layer', () => {
  const member = writeCbor(manifest());
  const authentication = createAuthentication(writeCbor(member), [alice]);
  const outer = (...entries: Entries) => writeCbor(new Tagged(107, map(entries)));

  it.each<[string, string, Uint8Array]>([
    ['no manifest', 'E_ENVELOPE', outer([2, authentication])],
    ['no authentication', 'E_ENVELOPE', outer([3, member])],
    ['a manifest that is no byte string', 'E_ENVELOPE', outer([2, authentication], [3, manifest()])],
    ['a severed fetch section', 'E_COMMAND', signed(manifest(), [[16, new Uint8Array(1)]])],
    ['severed dependencies', 'E_COMMAND', signed(manifest(), [[15, new Uint8Array(1)]])],
    ['an install section beside that of the manifest', 'E_DIGEST', signed(manifest(), [[20, INSTALLED]])],
    ['a text that the manifest does not name', 'E_DIGEST', signed(manifest(), [[23, new Uint8Array(1)]])],
    ['a severed member that is no byte string', 'E_ENVELOPE', signed(manifest(), [[23, 'text']])],
    ['another member', 'E_ENVELOPE', signed(manifest(), [[5, new Uint8Array(1)]])],
    ['a payload without #', 'E_ENVELOPE', signed(manifest(), [['blink', MODULE]])],
    ['a payload nobody asks for', 'E_ENVELOPE', signed(manifest(), [['#blink', MODULE]])],
    [
      'another tag',
      'E_ENVELOPE',
      writeCbor(
        new Tagged(
          106,
          map([
            [2, authentication],
            [3, member],
          ]),
        ),
      ),
    ],
    [
      'no tag',
      'E_ENVELOPE',
      writeCbor(
        map([
          [2, authentication],
          [3, member],
        ]),
      ),
    ],
    [
      'an authentication that is not wrapped',
      'E_ENVELOPE',
      outer([2, new Encoded(authentication)], [3, member]),
    ],
    [
      'a digest by SHA-512',
      'E_ALG',
      outer([2, writeCbor([writeCbor([-44, new Uint8Array(64)]), member])], [3, member]),
    ],
    ['more than 8 KiB', 'E_TOO_LARGE', signed(manifest([[-300, new Uint8Array(8192)]]))],
  ])('is refused with %s: %s', (_name, code, bytes) => {
    expect(outcome(bytes)).toBe(code);
  });

  it('is refused by its size before it is read', () => {
    expect(outcome(new Uint8Array(5 * 1024 * 1024))).toBe('E_TOO_LARGE');
  });
});

describe('a manifest with members severed', () => {
  const text = writeCbor(map([[1, 'blinks']]));
  /** As the draft has it: with the head of the byte string. */
  const over = (member: Uint8Array) => digested(writeCbor(member));
  const both = manifest([
    [20, over(INSTALLED)],
    [23, over(text)],
  ]);

  it('is accepted when they come along, and the text may stay away', () => {
    const wanted = { sequence: 10, components: [{ uri: 'mqtt:' }] };
    const bytes = signed(both, [
      [20, INSTALLED],
      [23, text],
    ]);
    expect(outcome(bytes)).toMatchObject(wanted);
    expect(inspectEnvelope(bytes)).toMatchObject(wanted);
    expect(outcome(signed(both, [[20, INSTALLED]]))).toMatchObject(wanted);
    expect(outcome(signed(manifest([[23, text]])))).toMatchObject(wanted);
  });

  it.each<[string, string, CborValue, [number, CborValue][]]>([
    ['no install section', 'E_ENVELOPE', both, [[23, text]]],
    ['another install section', 'E_DIGEST', both, [[20, writeCbor([...INSTALL, 3, 15])]]],
    [
      'another text',
      'E_DIGEST',
      both,
      [
        [20, INSTALLED],
        [23, writeCbor('other')],
      ],
    ],
    [
      'a digest over the content without its head',
      'E_DIGEST',
      manifest([[20, digested(INSTALLED)]]),
      [[20, INSTALLED]],
    ],
    ['a digest by SHA-512', 'E_ALG', manifest([[20, [-44, new Uint8Array(64)]]]), [[20, INSTALLED]]],
    ['a short digest', 'E_ENVELOPE', manifest([[20, [-16, new Uint8Array(31)]]]), [[20, INSTALLED]]],
    ['a text that is no byte string', 'E_ENVELOPE', manifest([[23, 'blinks']]), []],
    [
      'its shared commands severed',
      'E_ENVELOPE',
      manifest([], { common: [[4, over(INSTALLED)]] }),
      [[20, INSTALLED]],
    ],
    ['its comparison severed', 'E_ENVELOPE', manifest([[7, over(INSTALLED)]]), [[20, INSTALLED]]],
  ])('is refused with %s: %s', (_name, code, value, members) => {
    expect(outcome(signed(value, members))).toBe(code);
  });

  it('is refused by its signature before anything severed is compared', () => {
    expect(outcome(signed(both, [[20, new Uint8Array(1)]], [mallory]))).toBe('E_UNTRUSTED');
  });

  it('is held to the same size', () => {
    expect(
      outcome(
        signed(both, [
          [20, INSTALLED],
          [23, new Uint8Array(8192)],
        ]),
      ),
    ).toBe('E_TOO_LARGE');
  });
});

describe('building an envelope', () => {
  it.each<[string, string, Parameters<typeof envelope>[0]]>([
    ['no signer', 'E_UNSIGNED', { signers: [] }],
    ['no component', 'E_USAGE', { components: [] }],
    ['nine components', 'E_USAGE', { components: Array.from({ length: 9 }, () => component()) }],
    ['a fraction as sequence', 'E_USAGE', { sequence: 1.5 }],
    ['a sequence beyond 2^53-1', 'E_USAGE', { sequence: 2 ** 53 }],
    ['a version that cannot be compared', 'E_USAGE', { version: '1.0.0+build' }],
    ['a short digest', 'E_USAGE', { components: [component({ digest: new Uint8Array(20) })] }],
    ['a component without a name', 'E_USAGE', { components: [component({ id: [''] })] }],
    ['a component without any part', 'E_USAGE', { components: [component({ id: [] })] }],
    ['a component named twice', 'E_USAGE', { components: [component(), component()] }],
    ['a payload without a component', 'E_USAGE', { payloads: { '#x': MODULE } }],
    [
      'an address of 9 KB',
      'E_TOO_LARGE',
      { components: [component({ uri: `https://${'x'.repeat(9000)}` })] },
    ],
  ])('is refused with %s: %s', (_name, code, changes) => {
    expect(() => envelope(changes)).toThrow(expect.objectContaining({ code }));
  });

  it('gives the same bytes for the same options, and what it builds is accepted', () => {
    const segment = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 });
    const version = fc.tuple(fc.nat(), fc.nat(), fc.nat()).map((parts) => parts.join('.'));
    const options = fc.record({
      sequence: fc.maxSafeInteger().map(Math.abs),
      deviceName: fc.constantFrom(undefined, 'pi-01'),
      board: fc.constantFrom(undefined, 'raspberry-pi-5'),
      version: fc.option(version, { nil: undefined }),
      ids: fc.uniqueArray(fc.array(segment, { minLength: 1, maxLength: 3 }), {
        minLength: 1,
        maxLength: 4,
        selector: (id) => JSON.stringify(id),
      }),
    });
    fc.assert(
      fc.property(options, ({ ids, deviceName, board, version: text, sequence }) => {
        const build = () =>
          createEnvelope({
            sequence,
            components: ids.map((id) => component({ id })),
            signers: [alice],
            ...(deviceName === undefined ? {} : { deviceName }),
            ...(board === undefined ? {} : { board }),
            ...(text === undefined ? {} : { version: text }),
          });
        expect(build()).toEqual(build());
        expect(outcome(build())).toMatchObject({ sequence, components: ids.map((id) => ({ id })) });
      }),
      { ...PROPERTY, numRuns: 60 },
    );
  });
});
