import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, isFilter, isReserved, isTopic, matches, overlaps } from '#runtime/base/mqtt/topics.js';

/** Small alphabets make collisions likely; `iot` and `$SYS` are in them because they are special. */
const word = fc.constantFrom('a', 'b', '', 'iot', '$SYS', '$x');
const topic = fc
  .array(word, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter(isTopic);
const filter = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('+')), { maxLength: 3 }), fc.boolean())
  .map(([levels, all]) => [...levels, ...(all ? ['#'] : [])].join('/'))
  .filter(isFilter);
const runs = { seed: 42, numRuns: 2_000 };

/** Section 4.7 in another way than the code under test: as a regular expression. */
function expected(pattern: string, name: string): boolean {
  if (name.startsWith('$') && /^[+#]/.test(pattern)) return false;
  const parts = pattern.split('/').map((level) => {
    if (level === '+') return '[^/]*';
    return level.replace(/[$]/g, '\\$');
  });
  const all = parts.at(-1) === '#';
  if (all) parts.pop();
  if (all && parts.length === 0) return true;
  return new RegExp(`^${parts.join('/')}${all ? '(/.*)?' : ''}$`).test(name);
}

describe('topic filters', () => {
  it('knows topics and filters from other text', () => {
    for (const good of ['a', '/', '/a', 'a//b', 'ä/€', '$SYS/x', 'a b', 'x'.repeat(65_535)]) {
      expect([isTopic(good), isFilter(good)]).toEqual([true, true]);
    }
    for (const bad of ['', 'a\0b', '\ud800', 'x'.repeat(65_536), 'é'.repeat(32_768)]) {
      expect([isTopic(bad), isFilter(bad)]).toEqual([false, false]);
    }
    for (const good of ['+', '#', '+/+', 'a/#', '/+/a', '$share/g/a/#']) {
      expect([isTopic(good), isFilter(good)]).toEqual([false, true]);
    }
    for (const bad of [
      'a+',
      '+a/b',
      'a#',
      '#/a',
      'a/#/b',
      '##',
      '$share/',
      '$share/g',
      '$share//a',
      '$share/+/a',
    ]) {
      expect(isFilter(bad)).toBe(false);
    }
  });

  it('match as section 4.7 says', () => {
    fc.assert(
      fc.property(filter, topic, (pattern, name) => {
        expect(matches(pattern, name)).toBe(expected(pattern, name));
      }),
      runs,
    );
  });

  it('cover only what they match: what is covered is never more than what was granted', () => {
    fc.assert(
      fc.property(filter, filter, topic, (outer, inner, name) => {
        if (covers(outer, inner) && expected(inner, name)) expect(expected(outer, name)).toBe(true);
      }),
      runs,
    );
  });

  it('cover exactly when no topic escapes', () => {
    const names = allTopics(['a', 'b', '$x', ''], 4);
    fc.assert(
      fc.property(filter, filter, (outer, inner) => {
        const escapes = names.some((name) => expected(inner, name) && !expected(outer, name));
        const empty = !names.some((name) => expected(inner, name));
        if (!empty) expect(covers(outer, inner)).toBe(!escapes);
      }),
      { seed: 42, numRuns: 400 },
    );
  });

  it('overlap exactly when a topic matches both', () => {
    // The empty name is no topic, but `/#` and `+` agree on it: on the safe side.
    const names = ['', ...allTopics(['a', 'b', 'iot', '$x', '$SYS', ''], 4)];
    fc.assert(
      fc.property(filter, filter, (a, b) => {
        expect(overlaps(a, b)).toBe(names.some((name) => expected(a, name) && expected(b, name)));
        expect(overlaps(a, b)).toBe(overlaps(b, a));
      }),
      { seed: 42, numRuns: 400 },
    );
  });

  it('never let anything near the namespaces of the host and the broker', () => {
    const reserved = [
      '#',
      '+',
      '+/x',
      '+/+',
      '+/#',
      'iot',
      'iot/',
      'iot/#',
      'iot/+/x',
      'iot/v1/pi-01',
      '$SYS/#',
      '$x',
    ];
    for (const name of reserved) {
      expect([name, isReserved(name)]).toEqual([name, true]);
      expect([name, isReserved(`$share/g/${name}`)]).toEqual([name, true]);
    }
    for (const name of ['home/#', 'home/+/iot', '/iot/x', 'iots/x', 'Iot/x', 'home', '/#', '/+/#']) {
      expect([name, isReserved(name)]).toEqual([name, false]);
    }
    fc.assert(
      fc.property(filter, topic, (pattern, name) => {
        const private_ = /^(iot(\/|$)|\$)/.test(name);
        if (private_ && expected(pattern, name)) expect(isReserved(pattern)).toBe(true);
      }),
      runs,
    );
  });
});

function allTopics(words: string[], depth: number): string[] {
  let level = words;
  const all = [...words];
  for (let i = 1; i < depth; i += 1) {
    level = level.flatMap((prefix) => words.map((next) => `${prefix}/${next}`));
    all.push(...level);
  }
  return all.filter(isTopic);
}
