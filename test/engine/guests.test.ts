import { openSync } from 'node:fs';
import { WASI } from 'node:wasi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { IotError } from '#runtime/base/errors.js';
import { DEFAULT_ACTOR_LIMITS, START_FUEL } from '#runtime/base/limits.js';
import { admit } from '#runtime/engine/admission/index.js';
import type { GuestHost, Instance } from '#runtime/engine/engine.js';
import { guestModule } from '../helpers/guests/build.js';
import type { GuestName } from '../helpers/guests/recipes.js';
import { type Answer, type GuestResult, type HostCall, WapcHost } from '../helpers/wapc-host.js';
import { bytes, engine, failureOf, quietHost, replyOf, text } from './support.js';

/** Building takes longest when nothing is built and the machine is busy. */
const BUILD_MS = 240_000;
const LIMITS = { ...DEFAULT_ACTOR_LIMITS, startFuel: START_FUEL };
const GUESTS: readonly (readonly [what: string, name: GuestName])[] = [
  ['WebAssembly text', 'wat'],
  ['C', 'c'],
  ['C++', 'cpp'],
  ['Zig', 'zig'],
  ['Rust no_std', 'rustNoStd'],
  ['Rust std', 'rustStd'],
  ['Rust std, WASI', 'rustWasi'],
  ['AssemblyScript, own SDK', 'asOwn'],
  ['AssemblyScript, @wapc/as-guest', 'asGuest'],
];
const EMPTY = new Uint8Array(0);
const ADD = encodePayload('msgpack', { key: 'visits', value: 1 });
const SUM = encodePayload('msgpack', { value: 41 });

/** A started guest, in whichever engine. */
interface Running {
  readonly calls: HostCall[];
  readonly logs: string[];
  answer: Answer;
  call(operation: string, payload?: Uint8Array): GuestResult;
}

function onV8(module: Uint8Array): Running {
  const quiet = openSync('/dev/null', 'w');
  const wasi = new WASI({ version: 'preview1', stdout: quiet, stderr: quiet });
  const host = new WapcHost(module, { wasi_snapshot_preview1: wasi.wasiImport });
  if (host.instance.exports._start !== undefined) wasi.start(host.instance);
  return host.start();
}

class OnEngine implements Running {
  readonly calls: HostCall[] = [];
  readonly logs: string[] = [];
  answer: Answer = () => EMPTY;
  readonly instance: Instance;

  constructor(module: Uint8Array) {
    const hostCall: GuestHost['hostCall'] = (binding, namespace, operation, payload) => {
      const call = { binding, namespace, operation, payload: payload.slice() };
      this.calls.push(call);
      const answer = this.answer(call);
      return typeof answer === 'string' ? new IotError('E_PROVIDER', answer) : answer;
    };
    this.instance = engine.load(module, { hostCall, log: (line) => void this.logs.push(line) }, LIMITS);
    this.instance.start();
  }

  call(operation: string, payload: Uint8Array = EMPTY): GuestResult {
    const result = this.instance.call(operation, payload);
    if (result.ok) return result;
    expect(result.fatal).toBe(false);
    return { ok: false, error: result.error.message };
  }
}

const onEngine = (module: Uint8Array) => new OnEngine(module);

const ENGINES = [
  // An engine writes the code in front of an error and takes an empty binding for "default"; the test host does not.
  { where: 'V8', open: onV8, binding: '', code: '' },
  { where: 'wasm3', open: onEngine, binding: 'default', code: 'E_PROVIDER: ' },
] as const;

describe.each(GUESTS)('a guest in %s', (_what, name) => {
  let module: Uint8Array;
  beforeAll(async () => {
    module = await guestModule(name);
  }, BUILD_MS);

  it('is admitted', () => {
    const { memoryPages } = DEFAULT_ACTOR_LIMITS;
    admit(module, { kind: 'actor', limits: { memoryPages, maxModuleBytes: 200_000 }, engine });
  });

  describe.each(ENGINES)('on $where', ({ open, binding, code }) => {
    it('Echo gives back every byte', () => {
      const guest = open(module);
      for (const length of [0, 1, 64, 1000, 8000]) {
        const payload = Uint8Array.from({ length }, (_, index) => index * 7);
        expect(guest.call('Echo', payload)).toEqual({ ok: true, reply: payload });
      }
    });

    it('Fail is an error of the guest, after which it lives on', () => {
      const guest = open(module);
      expect(guest.call('Fail')).toEqual({ ok: false, error: 'no luck' });
      expect(guest.call('Echo', bytes('on'))).toEqual({ ok: true, reply: bytes('on') });
    });

    it('HostCall reaches the host and brings back its response', () => {
      const guest = open(module);
      guest.answer = () => SUM;
      expect(guest.call('HostCall', ADD)).toEqual({ ok: true, reply: SUM });
      expect(guest.calls).toEqual([{ binding, namespace: 'wascc:keyvalue', operation: 'Add', payload: ADD }]);
    });

    it('HostCall brings back an empty response, a long one, and an error with its characters', () => {
      const guest = open(module);
      expect(guest.call('HostCall', ADD)).toEqual({ ok: true, reply: EMPTY });
      const long = Uint8Array.from({ length: 8000 }, (_, index) => index * 3);
      guest.answer = () => long;
      expect(guest.call('HostCall', ADD)).toEqual({ ok: true, reply: long });
      guest.answer = () => 'Schlüssel fehlt';
      expect(guest.call('HostCall', ADD)).toEqual({ ok: false, error: `${code}Schlüssel fehlt` });
      expect(guest.call('Echo', bytes('on'))).toEqual({ ok: true, reply: bytes('on') });
    });

    it('Log', () => {
      const guest = open(module);
      expect(guest.call('Log', bytes('es ist 21 °C'))).toEqual({ ok: true, reply: EMPTY });
      expect(guest.logs).toEqual(['es ist 21 °C']);
    });

    it('HealthRequest', () => {
      const payload = encodePayload('msgpack', { placeholder: false });
      expect(open(module).call('HealthRequest', payload)).toEqual({ ok: true, reply: EMPTY });
    });

    it.each(['Unknown', 'echo', 'Ech', 'EchoEcho', ''])(
      'the unknown operation "%s" is an error',
      (operation) => {
        const error = `Could not find function "${operation}"`;
        expect(open(module).call(operation, bytes('x'))).toEqual({ ok: false, error });
      },
    );
  });

  it('neither burns more fuel nor takes more memory as time goes by', () => {
    using instance = onEngine(module).instance;
    const round = () => {
      for (let i = 0; i < 200; i++) replyOf(instance.call('Echo', ADD));
      return instance.memoryPages;
    };
    const pages = round();
    // A guest that collects its garbage does not burn the same for each call, but never much more.
    for (let i = 0; i < 5; i++) expect(round()).toBe(pages);
    expect(instance.fuelUsed).toBeLessThan(20_000);
  });
});

describe('all guests', () => {
  const rows: string[] = [];
  afterAll(() =>
    console.log(['guest: bytes, pages, fuel and time of one Echo of 64 bytes', ...rows].join('\n')),
  );

  it.each(GUESTS)(
    '%s: what an Echo costs',
    async (what, name) => {
      const module = await guestModule(name);
      using instance = onEngine(module).instance;
      const payload = new Uint8Array(64);
      const calls = 2000;
      let fuel = 0;
      const before = performance.now();
      for (let i = 0; i < calls; i++) {
        replyOf(instance.call('Echo', payload));
        fuel += instance.fuelUsed;
      }
      const micros = ((performance.now() - before) * 1000) / calls;
      rows.push(
        `  ${what}: ${module.length} bytes, ${instance.memoryPages} pages, ${Math.round(fuel / calls)} fuel, ${micros.toFixed(2)} µs`,
      );
      expect(fuel).toBeGreaterThan(0);
    },
    BUILD_MS,
  );

  it(
    'the same calls burn the same fuel in another instance',
    async () => {
      for (const [, name] of GUESTS) {
        const module = await guestModule(name);
        const fuel = [0, 1].map(() => {
          // Rust seeds its hash maps: deterministic is what has the same randomness.
          const host: GuestHost = { ...quietHost(), random: (into) => void into.fill(7) };
          using instance = engine.load(module, host, LIMITS);
          instance.start();
          const burnt = [instance.fuelUsed];
          for (let i = 0; i < 100; i++) {
            instance.call('Echo', new Uint8Array(i));
            burnt.push(instance.fuelUsed);
          }
          return burnt;
        });
        expect(fuel[1]).toEqual(fuel[0]);
      }
    },
    BUILD_MS,
  );
});

describe('@wapc/as-guest', () => {
  it(
    'an assertion that fails is a fatal trap',
    async () => {
      using instance = onEngine(await guestModule('asGuest')).instance;
      expect(failureOf(instance.call('Crash', bytes('x')))).toMatchObject({ code: 'E_TRAP', fatal: true });
    },
    BUILD_MS,
  );
});

describe('AssemblyScript with what it imports from env', () => {
  let module: Uint8Array;
  beforeAll(async () => {
    module = await guestModule('asEnv');
  }, BUILD_MS);
  const start = (host: GuestHost = quietHost()) => {
    const instance = engine.load(module, host, LIMITS);
    instance.start();
    return instance;
  };

  it('abort tells what was thrown, and where', () => {
    using instance = start();
    expect(failureOf(instance.call('Other', EMPTY)).message).toMatch(
      /^the actor trapped: abort: no function Other at as_env\.ts:\d+:\d+$/,
    );
  });

  it('seed: the same random numbers for everybody', () => {
    const numbers = [0, 1].map(() => {
      using instance = start();
      return [0, 1].map(() =>
        new DataView(replyOf(instance.call('Random', EMPTY)).buffer).getFloat64(0, true),
      );
    });
    expect(numbers[1]).toEqual(numbers[0]);
    expect(numbers[0]?.[0]).not.toBe(numbers[0]?.[1]);
  });

  it('trace', () => {
    const host = quietHost();
    using instance = start(host);
    expect(instance.call('Trace', EMPTY).ok).toBe(true);
    expect(host.lines).toEqual(['speed 1.5, 2']);
  });
});

describe('a program for WASI', () => {
  let module: Uint8Array;
  beforeAll(async () => {
    module = await guestModule('rustWasi');
  }, BUILD_MS);
  const start = (host: GuestHost = quietHost()) => {
    const instance = engine.load(module, host, LIMITS);
    instance.start();
    return instance;
  };

  it('prints to the log, by lines', () => {
    const host = quietHost();
    using instance = start(host);
    replyOf(instance.call('Print', bytes('a\nb')));
    expect(host.lines).toEqual(['out: a', 'b', 'err: 3']);
  });

  it('knows the time, which the host may choose', () => {
    const slept: number[] = [];
    const clock = {
      realtime: () => 1_600_000_000_000_000_001n,
      monotonic: () => BigInt(slept.reduce((sum, ms) => sum + ms, 0)) * 1_000_000n,
      sleep: (ms: number) => void slept.push(ms),
    };
    using instance = start({ ...quietHost(), clock });
    expect(text(replyOf(instance.call('Time', EMPTY)))).toBe('1600000000000000001');
    expect(text(replyOf(instance.call('Sleep', bytes('150'))))).toBe('150');
    expect(failureOf(instance.call('Sleep', bytes('201')))).toMatchObject({
      code: 'E_DEADLINE',
      fatal: true,
    });
    expect(slept).toEqual([150]);
  });

  it('sleeps for real when nobody chose', () => {
    using instance = start();
    expect(Number(text(replyOf(instance.call('Sleep', bytes('5')))))).toBeGreaterThanOrEqual(4);
  });

  it('finds neither arguments nor an environment', () => {
    using instance = start();
    expect(text(replyOf(instance.call('Surroundings', EMPTY)))).toBe('0 0');
  });

  it('a panic is told before it traps', () => {
    const host = quietHost();
    using instance = start(host);
    expect(failureOf(instance.call('Panic', EMPTY))).toMatchObject({ code: 'E_TRAP', fatal: true });
    expect(host.lines[0]).toMatch(/panicked at.*(on purpose)?/);
    expect(host.lines.join(' ')).toContain('on purpose');
  });

  it('an exit in a call is a trap by its name', () => {
    using instance = start();
    expect(failureOf(instance.call('Exit', EMPTY)).message).toBe('the actor trapped: proc_exit(3)');
  });
});
