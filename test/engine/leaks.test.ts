import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { actor, bytes, engine, LIMITS, quietHost, replyOf, run } from './support.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Memory of other engines is given back by V8 some time after the collection that found it unused. */
async function settled(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { external, arrayBuffers } = process.memoryUsage();
  return external + arrayBuffers;
}

const MIB = 1024 * 1024;
const echo = actor(
  `(call $guest_request (i32.const 0) (i32.const 1024)) (call $guest_response (i32.const 1024) (local.get $len))
   (drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (local.get $op) (i32.const 0) (i32.const 0)))
   i32.const 1`,
  '',
  '(memory 2)',
);

describe('memory of the host', () => {
  it('is as before after 2,000 loads and unloads', async () => {
    const once = (): void => {
      using instance = run(
        echo,
        quietHost(() => bytes('answer')),
      );
      replyOf(instance.call('op', bytes('hello')));
    };
    for (let i = 0; i < 50; i++) once();
    const before = await settled();
    for (let i = 0; i < 2000; i++) {
      once();
      if (i % 250 === 249) await settled();
    }
    expect(await settled()).toBeLessThan(before + 4 * MIB);
  });

  it('is as before after modules that were refused', async () => {
    const once = (): void => {
      expect(() => engine.load(actor('i32.const 1', '', '(memory 100)'), quietHost(), LIMITS)).toThrow(
        'pages',
      );
    };
    for (let i = 0; i < 20; i++) once();
    const before = await settled();
    for (let i = 0; i < 200; i++) once();
    expect(await settled()).toBeLessThan(before + 4 * MIB);
  });

  it('does not grow with the calls', async () => {
    using instance = run(
      echo,
      quietHost(() => bytes('answer')),
    );
    const call = (): unknown => replyOf(instance.call('op', bytes('hello')));
    for (let i = 0; i < 1000; i++) call();
    const before = await settled();
    for (let i = 0; i < 100_000; i++) call();
    expect(await settled()).toBeLessThan(before + MIB);
  });
});
