import { describe, expect, it } from 'vitest';
import { readCbor } from '#runtime/trust/cbor/reader.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import {
  type Comparison,
  parseVersion,
  readVersion,
  versionMatches,
  versionText,
} from '#runtime/trust/suit/version.js';

describe('versions', () => {
  it.each<[string, number[]]>([
    ['1', [1]],
    ['1.2', [1, 2]],
    ['1.2.3', [1, 2, 3]],
    ['1.2.3-rc', [1, 2, 3, -1]],
    ['1.2.3-beta.4', [1, 2, 3, -2, 4]],
    ['0.1.0-alpha.0', [0, 1, 0, -3, 0]],
  ])('%s is %j, and back', (text, parts) => {
    expect(parseVersion(text)).toEqual(parts);
    expect(versionText(parts)).toBe(text);
    expect(readVersion(readCbor(writeCbor(parts)), 'version')).toEqual(parts);
  });

  it.each(['', 'v1', '1.2.3.4', '1.2.3-dev', '1.2.3+4', '1..2', '-1', `1.${'9'.repeat(16)}`])(
    '%j is none',
    (text) => {
      expect(() => parseVersion(text)).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
    },
  );

  it.each([
    [[]],
    [[-1]],
    [[1, 2, 3, 4]],
    [[1, -4]],
    [[1, -1, -1]],
    [[1, -1, 1, 1]],
    [[1, 2, 3, -1, 1, 1, 1]],
  ])('%j is refused when read', (parts) => {
    expect(() => readVersion(readCbor(writeCbor(parts)), 'version')).toThrow(
      expect.objectContaining({ code: 'E_ENVELOPE' }),
    );
  });

  it.each<[number[], Comparison, string, boolean]>([
    [[1, 2, 3], '==', '1', true],
    [[1, 2, 3], '==', '1.3', false],
    [[1, 10, 0], '>', '1.9', true],
    [[1, 9, 5], '>', '1.9', false],
    [[1, 9, 5], '>=', '1.9', true],
    [[1, 8], '>=', '1.9', false],
    [[1], '<', '1.1', true],
    [[1, 1], '<', '1.1', false],
    [[1, 1, 7], '<=', '1.1', true],
    [[1, 2], '<=', '1.1', false],
    [[1, 2, 3, -1, 1], '<', '1.2.3-rc.2', true],
    [[1, 2, 3, -3, 9], '<', '1.2.3-beta.1', true],
  ])('%j %s %s: %s', (actual, comparison, wanted, matches) => {
    expect(versionMatches(actual, comparison, parseVersion(wanted))).toBe(matches);
  });
});
