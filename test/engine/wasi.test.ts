import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GuestClock, GuestHost } from '#runtime/engine/engine.js';
import { WASI_IMPORTS } from '#runtime/engine/wasi/index.js';
import { wat } from '../helpers/wat.js';
import {
  bytes,
  callOnce,
  engine,
  failureOf,
  LIMITS,
  quietHost,
  replyOf,
  run,
  text,
  wapcImports,
} from './support.js';

const PAGE = 65_536;
/** Where the results of a fixture lie: errno first, then 60 bytes for what the function writes. */
const OUT = 4096;
const MODULES = ['wasi_snapshot_preview1', 'wasi_unstable', 'wasi'] as const;

interface Fixed extends GuestHost {
  readonly lines: string[];
  readonly slept: number[];
  now: bigint;
}

/** Time that stands still but for sleeping, and randomness that counts. */
function fixedHost(): Fixed {
  const lines: string[] = [];
  const slept: number[] = [];
  let next = 0;
  const host: Fixed = {
    lines,
    slept,
    now: 5_000_000_000n,
    hostCall: () => bytes(''),
    log: (line) => void lines.push(line),
    clock: {
      realtime: () => 1_600_000_000_123_456_789n,
      monotonic: () => host.now,
      sleep: (milliseconds) => {
        slept.push(milliseconds);
        host.now += BigInt(milliseconds * 1_000_000);
      },
    } satisfies GuestClock,
    random: (into) => {
      for (let index = 0; index < into.length; index++) into[index] = next++;
    },
  };
  return host;
}

const TYPES: Record<string, string> = { i: 'i32', I: 'i64' };

/** An actor that imports one function; its call runs `body`, in which `$f` is that function. */
function guest(module: string, name: string, body: string, data = '', extra = ''): Uint8Array {
  const entry = WASI_IMPORTS.find((one) => one.module === module && one.name === name);
  if (entry === undefined) throw new Error(`no ${module}.${name}`);
  const [result = 'v', parameters = ''] = entry.signature.split(/[()]/);
  const types = [...parameters].map((letter) => TYPES[letter]).join(' ');
  return wat(`(module ${wapcImports()}
    (import "${module}" "${name}" (func $f (param ${types}) ${result === 'v' ? '' : '(result i32)'}))
    (memory (export "memory") 1) ${data} ${extra}
    (func (export "__guest_call") (param $op i32) (param $len i32) (result i32)
      ${body} (call $guest_response (i32.const ${OUT}) (i32.const 64)) (i32.const 1)))`);
}

/** Calls the function with these arguments: its errno, and the 60 bytes behind it. */
function answer(module: string, name: string, args: string, data = '', host = fixedHost()) {
  const body = `(i32.store (i32.const ${OUT}) (call $f ${args}))`;
  const reply = replyOf(callOnce(guest(module, name, body, data), { host }));
  const view = new DataView(reply.buffer, reply.byteOffset);
  return { errno: view.getInt32(0, true), view, host };
}
const i32 = (...values: number[]): string => values.map((value) => `(i32.const ${value})`).join(' ');
const hex = (data: Uint8Array): string =>
  [...data].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
const words = (...values: number[]): string => hex(new Uint8Array(Uint32Array.from(values).buffer));

describe.each(MODULES)('%s', (module) => {
  it.each([
    ['fd_read', i32(0, 16, 1, OUT + 4), 8],
    ['fd_close', i32(3), 8],
    ['fd_seek', '(i32.const 1) (i64.const 0) (i32.const 1) (i32.const 4100)', 8],
    ['fd_fdstat_get', i32(1, OUT + 4), 8],
    ['fd_prestat_get', i32(3, OUT + 4), 8],
    ['fd_prestat_dir_name', i32(3, OUT + 4, 10), 8],
    ['args_get', i32(0, 0), 0],
    ['environ_get', i32(0, 0), 0],
    ['sched_yield', '', 0],
    ['clock_time_get', `(i32.const 2) (i64.const 0) (i32.const ${OUT + 4})`, 28],
    ['clock_time_get', `(i32.const 77) (i64.const 0) (i32.const ${OUT + 4})`, 28],
    ['clock_res_get', i32(4, OUT + 4), 28],
    ['fd_write', i32(0, 16, 0, OUT + 4), 8],
    ['fd_write', i32(3, 16, 0, OUT + 4), 8],
    ['fd_write', i32(1, 16, 1025, OUT + 4), 28],
    ['fd_write', i32(1, 16, -1, OUT + 4), 28],
    ['poll_oneoff', i32(16, OUT + 4, 0, OUT + 60), 28],
    ['poll_oneoff', i32(16, OUT + 4, 65, OUT + 60), 28],
  ])('%s(%s) answers %i and writes nothing', (name, args, errno) => {
    const result = answer(module, name, args);
    expect(result.errno).toBe(errno);
    expect(new Uint8Array(result.view.buffer).slice(4).every((byte) => byte === 0)).toBe(true);
  });

  it.each(['args_sizes_get', 'environ_sizes_get'])('%s: there are none', (name) => {
    const data = `(data (i32.const ${OUT + 4}) "\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff")`;
    const { errno, view } = answer(module, name, i32(OUT + 4, OUT + 8), data);
    expect([errno, view.getUint32(4, true), view.getUint32(8, true), view.getUint8(12)]).toEqual([
      0, 0, 0, 255,
    ]);
  });

  it('clocks come from the host', () => {
    const time = (id: number) =>
      answer(
        module,
        'clock_time_get',
        `(i32.const ${id}) (i64.const 1) (i32.const ${OUT + 8})`,
      ).view.getBigUint64(8, true);
    expect(time(0)).toBe(1_600_000_000_123_456_789n);
    expect(time(1)).toBe(5_000_000_000n);
    expect(answer(module, 'clock_res_get', i32(0, OUT + 8)).view.getBigUint64(8, true)).toBe(1000n);
  });

  it('randomness comes from the host', () => {
    const { errno, view } = answer(module, 'random_get', i32(OUT + 4, 5));
    expect([errno, ...new Uint8Array(view.buffer).slice(4, 11)]).toEqual([0, 0, 1, 2, 3, 4, 0, 0]);
    expect(answer(module, 'random_get', i32(PAGE, 0)).errno).toBe(0);
  });

  it('fd_write tells how much it took and logs by lines', () => {
    const data = `(data (i32.const 16) "${words(40, 5, 45, 4, 60, 0)}") (data (i32.const 40) "one\\ntwo\\0ax")`;
    const { errno, view, host } = answer(module, 'fd_write', i32(2, 16, 3, OUT + 4), data);
    expect([errno, view.getUint32(4, true)]).toEqual([0, 9]);
    expect(host.lines).toEqual(['one', 'two', 'x']);
  });

  it('proc_exit stops a call by its name, whatever the code', () => {
    for (const code of [0, 3, -1]) {
      expect(failureOf(callOnce(guest(module, 'proc_exit', `(call $f (i32.const ${code}))`)))).toEqual({
        code: 'E_TRAP',
        message: `the actor trapped: proc_exit(${code >>> 0})`,
        fatal: true,
      });
    }
  });
});

describe('fd_write', () => {
  const MODULE = 'wasi_snapshot_preview1';
  /** Writes 9 bytes at 40 to fd 1 as often as the payload is long. */
  const writer = (data: string, length: number): Uint8Array =>
    guest(
      MODULE,
      'fd_write',
      `(loop $again (if (local.get $len) (then
         (drop (call $f (i32.const 1) (i32.const 16) (i32.const 1) (i32.const ${OUT + 4})))
         (local.set $len (i32.sub (local.get $len) (i32.const 1))) (br $again))))`,
      `(data (i32.const 16) "${words(40, length)}") (data (i32.const 40) "${data}")`,
    );

  it('puts a line together from several writes, also across characters', () => {
    const host = fixedHost();
    using instance = run(writer('\\ac\\e2\\82', 3), host);
    replyOf(instance.call('op', new Uint8Array(3)));
    expect(host.lines).toEqual(['\ufffd€€\ufffd']);
  });

  it('keeps the two outputs apart', () => {
    const host = fixedHost();
    const write = (fd: number, at: number) =>
      `(drop (call $f (i32.const ${fd}) (i32.const ${at}) (i32.const 1) (i32.const ${OUT})))`;
    const data = `(data (i32.const 16) "${words(40, 1, 41, 1, 42, 2)}") (data (i32.const 40) "abc\\n")`;
    callOnce(guest(MODULE, 'fd_write', write(1, 16) + write(2, 24) + write(1, 32) + write(2, 24), data), {
      host,
    });
    expect(host.lines).toEqual(['ac', 'bb']);
  });

  it('an endless line is logged in pieces and never kept whole', () => {
    const host = fixedHost();
    using instance = run(writer('x'.repeat(1000), 1000), host);
    replyOf(instance.call('op', new Uint8Array(20)));
    expect(host.lines.map((line) => line.length)).toEqual([8192, 8192, 20_000 - 2 * 8192]);
  });

  it('a line of exactly the longest length is one line', () => {
    const host = fixedHost();
    using instance = run(writer(`${'x'.repeat(8192)}\\ny\\n`, 8195), host);
    replyOf(instance.call('op', new Uint8Array(1)));
    expect(host.lines.map((line) => line.length)).toEqual([8192, 1]);
  });

  it('takes no more at once than a payload may have, and says so', () => {
    const host = fixedHost();
    const module = guest(
      MODULE,
      'fd_write',
      `(i32.store (i32.const ${OUT}) (call $f (i32.const 1) (i32.const 16) (i32.const 2) (i32.const ${OUT + 4})))`,
      `(data (i32.const 16) "${words(100, 60, 100, 60)}")`,
    );
    const reply = replyOf(callOnce(module, { host, limits: { ...LIMITS, payloadBytes: 100 } }));
    expect(new DataView(reply.buffer).getUint32(4, true)).toBe(100);
    expect(host.lines.map((line) => line.length)).toEqual([100]);
  });

  it('a logger that throws does not hurt the actor', () => {
    const host: GuestHost = {
      ...fixedHost(),
      log: () => {
        throw new Error('disk full');
      },
    };
    using instance = run(writer('a\\nb', 3), host);
    expect(instance.call('op', new Uint8Array(2)).ok).toBe(true);
  });

  it('what was written before a trap is not lost', () => {
    const host = fixedHost();
    const body = `(drop (call $f (i32.const 2) (i32.const 16) (i32.const 1) (i32.const ${OUT}))) unreachable`;
    const data = `(data (i32.const 16) "${words(40, 8)}") (data (i32.const 40) "panicked")`;
    expect(failureOf(callOnce(guest(MODULE, 'fd_write', body, data), { host })).code).toBe('E_TRAP');
    expect(host.lines).toEqual(['panicked']);
  });
});

describe('poll_oneoff', () => {
  const preview1 = { module: 'wasi_snapshot_preview1', size: 48, clock: 16, timeout: 24, flags: 40 };
  const unstable = { module: 'wasi_unstable', size: 56, clock: 24, timeout: 32, flags: 48 };
  interface Wanted {
    userdata: bigint;
    tag?: number;
    clock?: number;
    timeout?: bigint;
    absolute?: boolean;
  }

  const poll = (layout: typeof preview1, wanted: readonly Wanted[], host = fixedHost(), limits = LIMITS) => {
    const memory = new DataView(new ArrayBuffer(layout.size * wanted.length));
    wanted.forEach(({ userdata, tag = 0, clock = 1, timeout = 0n, absolute = false }, index) => {
      const at = index * layout.size;
      memory.setBigUint64(at, userdata, true);
      memory.setUint8(at + 8, tag);
      memory.setUint32(at + layout.clock, clock, true);
      memory.setBigUint64(at + layout.timeout, timeout, true);
      memory.setUint16(at + layout.flags, absolute ? 1 : 0, true);
    });
    const data = `(data (i32.const 64) "${hex(new Uint8Array(memory.buffer))}")`;
    const call = `(i32.store (i32.const ${OUT}) (call $f ${i32(64, 2048, wanted.length, OUT + 4)}))
      (memory.copy (i32.const ${OUT + 8}) (i32.const 2048) (i32.const 56))`;
    const result = callOnce(guest(layout.module, 'poll_oneoff', call, data), { host, limits });
    if (!result.ok) return { result, host, events: [], errno: -1 };
    const view = new DataView(result.reply.buffer);
    const events = Array.from({ length: Math.min(2, view.getUint32(4, true)) }, (_, index) => ({
      userdata: view.getBigUint64(8 + index * 32, true),
      error: view.getUint16(16 + index * 32, true),
      type: view.getUint8(18 + index * 32),
    }));
    return { result, host, events, errno: view.getInt32(0, true) };
  };

  it.each([preview1, unstable])('$module: sleeps until the first of the clocks', (layout) => {
    const { events, host, errno } = poll(layout, [
      { userdata: 7n, timeout: 30_000_000n },
      { userdata: 8n, timeout: 20_000_000n, clock: 0 },
    ]);
    expect({ events, errno, slept: host.slept }).toEqual({
      events: [{ userdata: 8n, error: 0, type: 0 }],
      errno: 0,
      slept: [20],
    });
  });

  it('absolute times, past and to come', () => {
    const past = poll(preview1, [{ userdata: 1n, timeout: 4_000_000_000n, absolute: true }]);
    expect([past.events.length, past.host.slept]).toEqual([1, []]);
    const soon = poll(preview1, [{ userdata: 1n, timeout: 5_000_500_000n, absolute: true }]);
    expect(soon.host.slept).toEqual([0.5]);
  });

  it('files and unknown clocks are answered at once', () => {
    const { events, host } = poll(preview1, [
      { userdata: 1n, timeout: 20_000_000n },
      { userdata: 2n, tag: 1 },
      { userdata: 3n, clock: 3 },
    ]);
    expect(events).toEqual([
      { userdata: 2n, error: 8, type: 1 },
      { userdata: 3n, error: 28, type: 0 },
    ]);
    expect(host.slept).toEqual([]);
  });

  it.each([201_000_000n, 2n ** 64n - 1n])('never sleeps past the deadline: %i ns', (timeout) => {
    const { result, host } = poll(preview1, [{ userdata: 1n, timeout }]);
    expect(failureOf(result)).toMatchObject({ code: 'E_DEADLINE', fatal: true });
    expect(failureOf(result).message).toMatch(/^wasi_snapshot_preview1.poll_oneoff: .* 200 ms left/);
    expect(host.slept).toEqual([]);
  });

  it('the deadline is of the whole call, and each call has its own', () => {
    const host = fixedHost();
    const data = new DataView(new ArrayBuffer(48));
    data.setUint32(16, 1, true);
    data.setBigUint64(24, 60_000_000n, true);
    const sleep = `(drop (call $f ${i32(64, 2048, 1, OUT)}))`;
    const module = guest(
      preview1.module,
      'poll_oneoff',
      `(loop $l (if (local.get $len) (then ${sleep} (local.set $len (i32.sub (local.get $len) (i32.const 1))) (br $l))))`,
      `(data (i32.const 64) "${hex(new Uint8Array(data.buffer))}")`,
    );
    using instance = run(module, host, { ...LIMITS, deadlineMs: 150 });
    expect(instance.call('op', new Uint8Array(2)).ok).toBe(true);
    expect(instance.call('op', new Uint8Array(2)).ok).toBe(true);
    expect(failureOf(instance.call('op', new Uint8Array(3)))).toMatchObject({
      code: 'E_DEADLINE',
      message:
        'wasi_snapshot_preview1.poll_oneoff: the actor wanted to sleep 60 ms with 30 ms left for its call',
    });
    expect(host.slept).toEqual([60, 60, 60, 60, 60, 60]);
  });
});

describe('the machine’s own sources, when the host has none', () => {
  it('time is now, and sleeping takes time', () => {
    const sleep = new DataView(new ArrayBuffer(48));
    sleep.setUint32(16, 1, true);
    sleep.setBigUint64(24, 3_000_000n, true);
    const module = wat(`(module ${wapcImports()}
      (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 64) "${hex(new Uint8Array(sleep.buffer))}")
      (func (export "__guest_call") (param i32 i32) (result i32)
        (drop (call $time (i32.const 0) (i64.const 0) (i32.const 0)))
        (drop (call $time (i32.const 1) (i64.const 0) (i32.const 8)))
        (drop (call $poll (i32.const 64) (i32.const 2048) (i32.const 1) (i32.const 128)))
        (drop (call $time (i32.const 1) (i64.const 0) (i32.const 16)))
        (call $guest_response (i32.const 0) (i32.const 24)) (i32.const 1)))`);
    const before = BigInt(Date.now() - 1) * 1_000_000n;
    const view = new DataView(replyOf(callOnce(module)).buffer);
    expect(view.getBigUint64(0, true)).toBeGreaterThanOrEqual(before);
    expect(view.getBigUint64(0, true)).toBeLessThanOrEqual(BigInt(Date.now() + 1) * 1_000_000n);
    expect(view.getBigUint64(16, true) - view.getBigUint64(8, true)).toBeGreaterThan(2_500_000n);
  });

  it('randomness differs', () => {
    const module = guest('wasi_snapshot_preview1', 'random_get', `(drop (call $f ${i32(OUT, 64)}))`);
    const [one, two] = [callOnce(module), callOnce(module)].map((result) => hex(replyOf(result)));
    expect(one).not.toBe(two);
  });

  it('a source that throws stops the guest, not the host', () => {
    const host = {
      ...quietHost(),
      random: () => {
        throw new Error('recording ended');
      },
    };
    const module = guest('wasi', 'random_get', `(drop (call $f ${i32(OUT, 64)}))`);
    expect(failureOf(callOnce(module, { host }))).toEqual({
      code: 'E_ENGINE',
      message: 'wasi.random_get: recording ended',
      fatal: true,
    });
  });
});

describe('proc_exit in a start function', () => {
  const starting = (name: string, code: number) =>
    guest(
      'wasi_snapshot_preview1',
      'proc_exit',
      '',
      `(data (i32.const ${OUT}) "ready")`,
      `(func (export "${name}") (call $f (i32.const ${code})) unreachable)`,
    );

  it('0 in _start is how a program ends well: the actor answers afterwards', () => {
    using instance = run(starting('_start', 0));
    for (let i = 0; i < 3; i++)
      expect(text(replyOf(instance.call('op', bytes(''))).slice(0, 5))).toBe('ready');
  });

  it.each([
    ['_start', 1, '_start: the actor trapped: proc_exit(1)'],
    ['_initialize', 0, '_initialize: the actor trapped: proc_exit(0)'],
    ['wapc_init', 0, 'wapc_init: the actor trapped: proc_exit(0)'],
  ])('%s with %i did not start', (name, code, message) => {
    using instance = engine.load(starting(name, code), quietHost(), LIMITS);
    expect(() => instance.start()).toThrow(expect.objectContaining({ code: 'E_TRAP', message }));
    expect(failureOf(instance.call('op', bytes('')))).toMatchObject({ code: 'E_NOT_RUNNING', fatal: true });
  });

  it('the exit of _start does not hide a trap that comes later', () => {
    const module = guest(
      'wasi_snapshot_preview1',
      'proc_exit',
      'unreachable',
      '',
      '(func (export "_start") (call $f (i32.const 0)))',
    );
    using instance = run(module);
    expect(failureOf(instance.call('op', bytes('')))).toMatchObject({
      message: 'the actor trapped: unreachable executed',
    });
  });

  it('a later start function still runs', () => {
    const host = quietHost();
    const module = guest(
      'wasi_snapshot_preview1',
      'proc_exit',
      '',
      '(data (i32.const 0) "init")',
      `(func (export "_start") (call $f (i32.const 0)))
       (func (export "wapc_init") (call $console_log (i32.const 0) (i32.const 4)))`,
    );
    using _instance = run(module, host);
    expect(host.lines).toEqual(['init']);
  });
});

describe('addresses of the guest', () => {
  /** Which parameters are addresses, and the least number of bytes that must lie there. */
  const POINTERS: Record<string, [args: string[], pointers: number[]]> = {
    fd_write: [
      ['1', '64', '1', '128'],
      [1, 3],
    ],
    random_get: [['64', '8'], [0]],
    clock_time_get: [['0', '0', '64'], [2]],
    clock_res_get: [['0', '64'], [1]],
    args_sizes_get: [
      ['64', '128'],
      [0, 1],
    ],
    environ_sizes_get: [
      ['64', '128'],
      [0, 1],
    ],
    poll_oneoff: [
      ['64', '256', '1', '512'],
      [0, 1, 3],
    ],
  };
  const cases = Object.entries(POINTERS).flatMap(([name, [args, pointers]]) =>
    pointers.map((index) => [name, args, index] as const),
  );
  const call = (module: string, name: string, args: readonly (string | number)[]) => {
    const { signature = '' } = WASI_IMPORTS.find((one) => one.name === name) ?? {};
    const kinds = [...(signature.split(/[()]/)[1] ?? '')];
    const list = kinds.map((kind, index) => `(${TYPES[kind]}.const ${args[index] ?? 0})`).join(' ');
    const exit = signature.startsWith('v');
    const body = exit ? `(call $f ${list})` : `(drop (call $f ${list}))`;
    return callOnce(guest(module, name, body), { host: fixedHost() });
  };

  it.each(cases)('%s %j: parameter %i outside of the memory is a trap', (name, args, index) => {
    for (const bad of [PAGE, PAGE - 1, -1, -4, 0x7fffffff, -0x80000000]) {
      const result = call(MODULES[0], name, args.with(index, String(bad)));
      expect(failureOf(result)).toEqual({
        code: 'E_TRAP',
        message: `the actor trapped: ${MODULES[0]}.${name}: pointer outside the guest's memory`,
        fatal: true,
      });
    }
  });

  it.each([
    ['args_sizes_get', [PAGE - 4, PAGE - 8]],
    ['clock_time_get', [0, 0, PAGE - 8]],
    ['random_get', [PAGE - 1, 1]],
    ['random_get', [PAGE, 0]],
  ])('%s %j at the very end of the memory is not outside', (name, args) => {
    expect(call(MODULES[0], name, args).ok).toBe(true);
  });

  it('a length that wraps around is a trap', () => {
    for (const [at, length] of [
      [64, -1],
      [1, PAGE],
      [-16, 32],
      [-1, -1],
    ])
      expect(failureOf(call(MODULES[0], 'random_get', [at ?? 0, length ?? 0])).code).toBe('E_TRAP');
  });

  it('an iovec that lies outside writes nothing at all', () => {
    const host = fixedHost();
    const body = `(drop (call $f ${i32(1, 16, 2, OUT)}))`;
    for (const [at, length] of [
      [PAGE - 1, 2],
      [0xffffffff, 1],
      [0, 0xffffffff],
      [PAGE + 1, 0],
    ]) {
      const data = `(data (i32.const 16) "${words(40, 2, at ?? 0, length ?? 0)}") (data (i32.const 40) "a\\n")`;
      const result = callOnce(guest(MODULES[0], 'fd_write', body, data), { host });
      expect(failureOf(result).code).toBe('E_TRAP');
    }
    expect(host.lines).toEqual([]);
  });

  it('no arguments ever hurt more than the guest', () => {
    const edge = fc.constantFrom(0, 1, 4, 8, 64, PAGE - 8, PAGE - 1, PAGE, PAGE + 1, 0x7fffffff, -1, -8);
    const argument = fc.oneof(edge, fc.integer({ min: 0, max: PAGE }), fc.integer());
    fc.assert(
      fc.property(
        fc.constantFrom(...WASI_IMPORTS),
        fc.array(argument, { minLength: 4, maxLength: 4 }),
        ({ module, name }, args) => {
          const result = call(module, name, args);
          if (result.ok) return;
          expect(result.fatal).toBe(true);
          expect(result.error.code).toMatch(/^E_(TRAP|DEADLINE)$/);
          expect(result.error.message).toMatch(/pointer outside|proc_exit|wanted to sleep/);
        },
      ),
      { seed: 20_260_804, numRuns: 300 },
    );
  });
});

describe('what is no part of it', () => {
  it.each([
    ['wasi_snapshot_preview1', 'path_open'],
    ['wasi_snapshot_preview1', 'sock_send'],
    ['wasi_snapshot_preview2', 'fd_write'],
  ])('%s.%s is refused by name', (module, name) => {
    const guest = wat(`(module ${wapcImports()} (import "${module}" "${name}" (func (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "__guest_call") (param i32 i32) (result i32) i32.const 1))`);
    expect(() => engine.load(guest, quietHost(), LIMITS)).toThrow(
      expect.objectContaining({
        code: 'E_IMPORT',
        message: `imports ${module}.${name}, which this host does not have`,
      }),
    );
  });

  it('a plain module gets no WASI', () => {
    const module = wat(
      '(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) (func (export "f")))',
    );
    expect(() => engine.loadPlain(module, LIMITS)).toThrow(expect.objectContaining({ code: 'E_IMPORT' }));
  });
});
