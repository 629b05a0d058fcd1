import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { decode } from '@msgpack/msgpack';
import { beforeAll, describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { DEFAULT_ACTOR_LIMITS, MAX_MODULE_BYTES, START_FUEL } from '#runtime/base/limits.js';
import { admit } from '#runtime/engine/admission/index.js';
import { loadEngineModuleSync } from '#runtime/engine/wasm3/compiled.js';
import { Guest } from '#runtime/engine/wasm3/guest.js';
import { encodePublicKey } from '#runtime/trust/nkeys/index.js';
import { verifyModule } from '#runtime/trust/wascap/index.js';
import { guestModule } from '../helpers/guests/build.js';
import type { GuestName } from '../helpers/guests/recipes.js';
import { bytes, engine, failureOf, quietHost, replyOf, text } from './support.js';

/**
 * Actors as they were published in 2020 and must run unchanged: 2 MB of Rust, 17 pages and no declared maximum,
 * no start function, claims in a section whose lengths are written with more bytes than they need.
 */
const BUILD_MS = 240_000;
const PUBLISHED_BYTES = 2 * 1024 * 1024;
const LIMITS = { ...DEFAULT_ACTOR_LIMITS, startFuel: START_FUEL };
const EMPTY = new Uint8Array(0);

/** A number as parity-wasm and LLVM write it when they leave room for any: always five bytes. */
const padded = (value: number): number[] =>
  [0, 7, 14, 21, 28].map((shift) => ((value >>> shift) & 0x7f) | (shift === 28 ? 0 : 0x80));

function withSection(module: Uint8Array, name: string, content: Uint8Array): Uint8Array {
  const title = [...padded(name.length), ...bytes(name)];
  const head = Uint8Array.from([0, ...padded(title.length + content.length), ...title]);
  return Uint8Array.from(Buffer.concat([module, head, content]));
}

/** Bytes that no compression or caching makes smaller, always the same. */
function debugNotes(length: number): Uint8Array {
  const notes = new Uint8Array(length);
  let state = 2020;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    notes[index] = state >>> 24;
  }
  return notes;
}

/** Signed as wascap 0.5 did it: no revision, raw hash, an empty capability among the others. */
function publish(code: Uint8Array): { module: Uint8Array; issuer: string; subject: string } {
  const [account, own] = [0, 1].map(() => generateKeyPairSync('ed25519'));
  if (account === undefined || own === undefined) throw new Error('no keys');
  const raw = (key: typeof own) => key.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const issuer = encodePublicKey('account', raw(account));
  const subject = encodePublicKey('module', raw(own));
  const big = withSection(code, '.debug_info', debugNotes(PUBLISHED_BYTES - code.length));
  const wascap = {
    name: 'counter',
    hash: createHash('sha256').update(big).digest('hex').toUpperCase(),
    tags: [],
    caps: ['wascc:keyvalue', 'wascc:http_server', ''],
    prov: false,
  };
  const payload = { jti: 'N2rIXoEhOQk4nRzYGjhLzP', iat: 1_593_000_000, iss: issuer, sub: subject, wascap };
  const segments = [{ typ: 'jwt', alg: 'Ed25519' }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign(null, Buffer.from(segments), account.privateKey).toString('base64url');
  return { module: withSection(big, 'jwt', bytes(`${segments}.${signature}`)), issuer, subject };
}

interface Generation {
  readonly generation: string;
  readonly name: GuestName;
  /** GET /counter1?a=1 with the body 04 02 01 02 and one header. */
  readonly request: string;
  /** Add of 1 to :counter1, and the sum 300 as its answer. */
  readonly add: string;
  readonly sum: string;
  /** What matters of a decoded response. */
  readonly fields: (response: unknown) => { status: unknown; body: unknown };
}

const GENERATIONS: readonly Generation[] = [
  {
    generation: 'A',
    name: 'publishedA',
    request: '95a3474554a92f636f756e74657231a3613d3181a6616363657074a32a2f2a9404020102',
    add: '92a93a636f756e7465723101',
    sum: '91cd012c',
    fields: (response) => {
      const [status, , , body] = response as unknown[];
      return { status, body };
    },
  },
  {
    generation: 'B',
    name: 'publishedB',
    request:
      '85a66d6574686f64a3474554a470617468a92f636f756e74657231ab7175657279537472696e67a3613d31a668656164657281a6616363657074a32a2f2aa4626f6479c40404020102',
    add: '82a36b6579a93a636f756e74657231a576616c756501',
    sum: '81a576616c7565cd012c',
    fields: (response) => {
      const { statusCode, body } = response as Record<string, unknown>;
      return { status: statusCode, body };
    },
  },
];

const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');
const unhex = (data: string): Uint8Array => Uint8Array.from(Buffer.from(data, 'hex'));

describe.each(GENERATIONS)(
  'a published actor of generation $generation',
  ({ name, request, add, sum, fields }) => {
    let published: ReturnType<typeof publish>;
    beforeAll(async () => {
      published = publish(await guestModule(name));
    }, BUILD_MS);
    const start = (host = quietHost()) => {
      const instance = engine.load(published.module, host, LIMITS);
      instance.start();
      return instance;
    };

    it('is admitted with the default limits and has verifiable claims', () => {
      const { module: bytes, issuer, subject } = published;
      const { memoryPages } = DEFAULT_ACTOR_LIMITS;
      const options = {
        kind: 'actor',
        limits: { memoryPages, maxModuleBytes: MAX_MODULE_BYTES },
        engine,
      } as const;
      const { module } = admit(bytes, options);
      expect(bytes.length).toBeGreaterThan(PUBLISHED_BYTES);
      expect(module.memories).toMatchObject([{ minimum: 17, maximum: undefined }]);
      expect(module.exports.map((entry) => entry.name)).not.toContain('wapc_init');
      expect(verifyModule(bytes)).toMatchObject({
        issuer,
        subject,
        caps: ['wascc:keyvalue', 'wascc:http_server'],
        wascapRevision: undefined,
        hashForm: 'raw',
      });
    });

    it('serves a request with a call of its own on the way', () => {
      const asked: unknown[] = [];
      using instance = start(
        quietHost((binding, namespace, operation, payload) => {
          asked.push([binding, namespace, operation, hex(payload)]);
          return unhex(sum);
        }),
      );
      const { status, body } = fields(decode(replyOf(instance.call('HandleRequest', unhex(request)))));
      expect(status).toBe(200);
      expect(text(Uint8Array.from(body as Iterable<number>))).toBe(
        '{"method":"GET","counter":300,"body":[4, 2, 1, 2]}',
      );
      expect(asked).toEqual([['default', 'wascc:keyvalue', 'Add', add]]);
    });

    it('is healthy', () => {
      using instance = start();
      expect(replyOf(instance.call('HealthRequest', unhex('81ab706c616365686f6c646572c2')))).toEqual(EMPTY);
    });

    it('answers bad requests and a host that fails with an error, and lives on', () => {
      using instance = start(
        quietHost(() => new IotError('E_NO_PROVIDER', 'no provider for wascc:keyvalue')),
      );
      for (let length = 0; length < request.length / 2; length++)
        expect(failureOf(instance.call('HandleRequest', unhex(request).slice(0, length)))).toMatchObject({
          code: 'E_GUEST',
          fatal: false,
        });
      expect(failureOf(instance.call('HandleRequest', unhex(request))).message).toBe(
        'E_NO_PROVIDER: no provider for wascc:keyvalue',
      );
      expect(failureOf(instance.call('Nope', EMPTY)).message).toBe('bad dispatch');
    });

    it('does not understand the other generation', () => {
      using instance = start();
      const other = GENERATIONS.find((one) => one.name !== name)?.request ?? '';
      expect(failureOf(instance.call('HandleRequest', unhex(other))).message).toContain(
        'could not deserialize',
      );
    });

    it('may grow to its grant, not declared as it is, and no further', () => {
      using instance = start();
      const grow = (pages: number) => text(replyOf(instance.call('Grow', Uint8Array.of(pages))));
      // Its own allocator has taken some by now.
      const now = Number(grow(0).split(' ')[1]);
      expect(grow(65 - now)).toBe(`-1 ${now}`);
      expect(grow(63 - now)).toBe(`${now} 63`);
      expect(grow(1)).toBe('63 64');
      expect(grow(1)).toBe('-1 64');
      expect(instance.memoryPages).toBe(64);
      expect(replyOf(instance.call('HealthRequest', unhex('81ab706c616365686f6c646572c2')))).toEqual(EMPTY);
    });
  },
);

describe('memory of the engine, 16 MiB at most', () => {
  const load = (module: Uint8Array) => {
    const imports = { host_call: () => -1, log() {}, abort() {}, trace() {}, wasi: () => -1 };
    return new Guest(loadEngineModuleSync(), module, { linkable: true, memoryPages: 64, imports });
  };
  const MIB = 1024 * 1024;

  it(
    '2 MB of which most is no code take hardly more than the guest’s own memory',
    async () => {
      const { module } = publish(await guestModule('publishedB'));
      const { shim, memoryPages } = load(module);
      console.log(`2 MB, ${memoryPages} pages: ${shim.memory.buffer.byteLength} bytes of engine memory`);
      expect(shim.memory.buffer.byteLength).toBeLessThan(2 * MIB);
    },
    BUILD_MS,
  );

  it(
    'much more code also fits, with all pages of the default grant',
    async () => {
      const { module } = publish(await guestModule('publishedLarge'));
      const guest = load(module);
      const before = guest.shim.memory.buffer.byteLength;
      console.log(`2 MB, ${guest.memoryPages} pages, 420 kB of code: ${before} bytes of engine memory`);
      expect(before).toBeLessThan(5 * MIB);
      using instance = engine.load(module, quietHost(), LIMITS);
      instance.start();
      const grow = (pages: number) => text(replyOf(instance.call('Grow', Uint8Array.of(pages))));
      const now = Number(grow(0).split(' ')[1]);
      expect(grow(64 - now)).toBe(`${now} 64`);
      expect(replyOf(instance.call('HealthRequest', unhex('81ab706c616365686f6c646572c2')))).toEqual(EMPTY);
    },
    BUILD_MS,
  );
});
