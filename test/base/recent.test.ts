import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Recent } from '#runtime/base/recent.js';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('requests that come again and again', () => {
  it('are read once, and cannot be changed by whoever performs them', () => {
    const recent = new Recent();
    let reads = 0;
    const read = () => ({ line: 'LED', value: ++reads });
    const first = recent.get('Write', bytes(1, 2), read);
    expect(recent.get('Write', bytes(1, 2), read)).toBe(first);
    expect([reads, first]).toEqual([1, { line: 'LED', value: 1 }]);
    expect(() => Object.assign(first as object, { value: 0 })).toThrow(TypeError);
  });

  it('are told apart by each byte and by their operation', () => {
    const request = fc.tuple(
      fc.constantFrom('Read', 'Write', 'Watch', 'Unwatch'),
      fc.uint8Array({ maxLength: 60 }),
    );
    fc.assert(
      fc.property(fc.array(request, { maxLength: 100 }), (requests) => {
        const recent = new Recent();
        for (const [operation, payload] of requests) {
          const fresh = { operation, bytes: Buffer.from(payload).toString('hex') };
          expect(recent.get(operation, payload, () => ({ ...fresh }))).toEqual(fresh);
        }
      }),
    );
  });

  it('are read each time when they are long, hold bytes or lists, or are refused', () => {
    const recent = new Recent();
    let reads = 0;
    const ask = (payload: Uint8Array, request: () => unknown) =>
      recent.get('Write', payload, () => {
        reads += 1;
        return request();
      });
    const refuse = () => {
      throw new Error('refused');
    };
    for (let time = 0; time < 2; time++) {
      ask(new Uint8Array(49), () => ({ value: 1 }));
      ask(bytes(1), () => ({ data: bytes(1) }));
      ask(bytes(2), () => ({ names: ['a'] }));
      ask(bytes(3), () => undefined);
      expect(() => ask(bytes(4), refuse)).toThrow('refused');
    }
    expect(reads).toBe(10);
  });

  it('are forgotten when there are many of them', () => {
    const recent = new Recent();
    let reads = 0;
    const ask = (n: number) => recent.get('Write', bytes(n), () => ({ reads: ++reads }));
    for (let n = 0; n < 65; n++) ask(n);
    ask(64);
    expect(reads).toBe(65);
    ask(0);
    expect(reads).toBe(66);
  });
});
