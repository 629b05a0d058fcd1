import { describe, expect, it } from 'vitest';
import { REASONS } from '#runtime/base/reasons.js';
import type { CborValue } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { digestArray } from '#runtime/trust/cose/authentication.js';
import { vendorId } from '#runtime/trust/suit/identifiers.js';
import { component, MODULE, outcome, signed } from './scene.js';

type Entries = [number, CborValue][];

/** Arguments that the draft allows for one command or another, so that no refusal is about the argument only. */
const ARGUMENTS: readonly CborValue[] = [
  15,
  0,
  true,
  [0],
  [writeCbor([]), writeCbor([])],
  writeCbor([]),
  null,
];

/** Every command of the manifest draft, update management, trust domains and firmware encryption, by number. */
const COMMANDS = {
  'condition-vendor-identifier': 1,
  'condition-class-identifier': 2,
  'condition-image-match': 3,
  'condition-use-before': 4,
  'condition-component-slot': 5,
  'condition-check-content': 6,
  'condition-dependency-integrity': 7,
  'condition-is-dependency': 8,
  'directive-process-dependency': 11,
  'directive-set-component-index': 12,
  'condition-abort': 14,
  'directive-try-each': 15,
  'directive-write': 18,
  'directive-set-parameters': 19,
  'directive-override-parameters': 20,
  'directive-fetch': 21,
  'directive-copy': 22,
  'directive-invoke': 23,
  'condition-device-identifier': 24,
  'condition-image-not-match': 25,
  'condition-minimum-battery': 26,
  'condition-update-authorized': 27,
  'condition-version': 28,
  'directive-wait': 29,
  'directive-fetch-uri-list': 30,
  'directive-swap': 31,
  'directive-run-sequence': 32,
  'directive-unlink': 33,
} as const;

/** What this host does, and in which section; everything else is refused wherever it stands. */
const SUPPORTED: Readonly<Record<number, readonly string[]>> = {
  1: ['shared', 'install'],
  2: ['shared', 'install'],
  3: ['validate', 'install'],
  4: ['shared', 'install'],
  12: ['shared', 'validate', 'install', 'invoke'],
  20: ['shared', 'validate', 'install', 'invoke'],
  21: ['install'],
  23: ['invoke'],
  24: ['shared', 'install'],
  27: ['shared', 'install'],
  28: ['shared', 'install'],
};

const PARAMETERS = {
  'vendor-identifier': 1,
  'class-identifier': 2,
  'image-digest': 3,
  'use-before': 4,
  'component-slot': 5,
  'strict-order': 12,
  'soft-failure': 13,
  'image-size': 14,
  'fetch-arguments': 16,
  content: 18,
  'encryption-info': 19,
  uri: 21,
  'source-component': 22,
  'invoke-args': 23,
  'device-identifier': 24,
  'minimum-battery': 26,
  'update-priority': 27,
  version: 28,
  'wait-info': 29,
  'uri-list': 30,
} as const;
const KNOWN_PARAMETERS: ReadonlySet<number> = new Set([1, 2, 3, 4, 14, 21, 24, 27, 28]);

const COMMON_PARAMETERS: Entries = [
  [1, vendorId()],
  [3, digestArray(component().digest)],
  [14, MODULE.length],
];

/** A manifest that is accepted, with more commands at the end of one section. */
function manifest(section: string, more: readonly CborValue[], parameters: Entries = []): CborValue {
  const id = ['actor', 'blink'].map((part) => new TextEncoder().encode(part));
  const commands = (name: string, usual: CborValue[]) =>
    writeCbor(name === section ? [...usual, ...more] : usual);
  const shared = commands('shared', [20, new Map([...COMMON_PARAMETERS, ...parameters]), 1, 15]);
  return new Map<number, CborValue>([
    [1, 1],
    [2, 10],
    [
      3,
      writeCbor(
        new Map<number, CborValue>([
          [2, [id]],
          [4, shared],
        ]),
      ),
    ],
    [7, commands('validate', [3, 15])],
    [9, commands('invoke', [])],
    [20, commands('install', [20, new Map([[21, 'mqtt:']]), 21, 15, 3, 15])],
  ]);
}

const codeOf = (value: CborValue) => {
  const result = outcome(signed(value));
  return typeof result === 'string' ? result : 'accepted';
};
const SECTIONS = ['shared', 'validate', 'install', 'invoke'] as const;

it('E_COMMAND is what SUIT calls "command unsupported"', () => {
  expect(REASONS.E_COMMAND.suit).toBe(5);
});

describe.each(SECTIONS)('in the section %s', (section) => {
  it.each(Object.entries(COMMANDS))('%s is refused unless it belongs there', (_name, command) => {
    const codes = ARGUMENTS.map((argument) => codeOf(manifest(section, [command, argument])));
    if (SUPPORTED[command]?.includes(section)) {
      // Taken, or refused for what it says: never as unknown for all of its arguments.
      expect(new Set(codes)).not.toEqual(new Set(['E_COMMAND']));
    } else {
      expect(new Set(codes)).toEqual(new Set(['E_COMMAND']));
    }
  });

  it('every other number is refused', () => {
    const known = new Set<number>(Object.values(COMMANDS));
    const numbers = [
      ...Array.from({ length: 50 }, (_, number) => number - 10),
      -300,
      -257,
      255,
      256,
      2 ** 32,
      2 ** 53 - 1,
    ];
    for (const number of numbers.filter((one) => !known.has(one))) {
      expect(`${number} ${codeOf(manifest(section, [number, 15]))}`).toBe(`${number} E_COMMAND`);
    }
  });
});

describe('try-each', () => {
  const one = writeCbor([1, 15]);
  it.each<[string, CborValue]>([
    ['of two sequences', [one, one]],
    ['whose last one does nothing', [one, null]],
    ['within another', [writeCbor([15, [one, null]]), null]],
    ['of nothing', []],
  ])('%s is refused: what an update asks for is known before any of it is tried', (_name, argument) => {
    for (const section of SECTIONS) expect(codeOf(manifest(section, [15, argument]))).toBe('E_COMMAND');
  });
});

describe('parameters', () => {
  it.each(Object.entries(PARAMETERS))('%s is refused unless this host reads it', (_name, parameter) => {
    const values: CborValue[] = [0, 1, true, 'x', new Uint8Array(16), writeCbor([]), [], new Map()];
    const codes = new Set(
      values.map((value) => codeOf(manifest('install', [20, new Map([[parameter, value]])]))),
    );
    // Parameters are read before it shows that they come too late, behind the fetch.
    if (KNOWN_PARAMETERS.has(parameter)) expect(codes).toEqual(new Set(['E_ENVELOPE']));
    else expect(codes).toEqual(new Set(['E_COMMAND']));
  });

  it('every other number is refused, the private ones that have no meaning included', () => {
    const known = new Set<number>([...Object.values(PARAMETERS), -257, -258, -259, -260]);
    const numbers = [
      ...Array.from({ length: 60 }, (_, number) => number - 20),
      ...[-300, -261, -256, 255, 256],
      2 ** 53 - 1,
      1 - 2 ** 53,
    ];
    for (const number of numbers.filter((one) => !known.has(one))) {
      expect(`${number} ${codeOf(manifest('', [], [[number, 0]]))}`).toBe(`${number} E_COMMAND`);
    }
  });

  it('has no set-parameters, whose meaning depended on what was set before', () => {
    expect(codeOf(manifest('shared', [19, new Map(COMMON_PARAMETERS)]))).toBe('E_COMMAND');
  });
});
