import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { keyId, keyName } from '#runtime/trust/cose/key.js';
import { createSign1, readSign1 } from '#runtime/trust/cose/sign1.js';
import { signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument, ROLES, type RoleName } from '#runtime/trust/document/document.js';
import { readTrustDocument, signTrustDocument } from '#runtime/trust/document/signed.js';
import { signFreshUntil, verifyFreshUntil } from '#runtime/trust/fresh/fresh-until.js';
import { encodeReply } from '#runtime/trust/rpc/reply.js';
import { createRequest, type Request, verifyRequest } from '#runtime/trust/rpc/request.js';
import { chunkDigests } from '#runtime/trust/suit/chunk-digests.js';
import { createEnvelope } from '#runtime/trust/suit/create-envelope.js';
import { createReport, readReport } from '#runtime/trust/suit/report.js';
import { parseVersion } from '#runtime/trust/suit/version.js';
import { PROPERTY, plainValue } from './cbor/arbitrary.js';
import * as oracle from './oracle.js';
import { context, outcome } from './suit/scene.js';

const RUNS = { ...PROPERTY, numRuns: 60 };
const fills = [1, 2, 3] as const;
const signers = fills.map((fill) => signerFromSeed(new Uint8Array(32).fill(fill)));
const keys = fills.map(oracle.oracleKey);
const [signer, key] = [signers[0], keys[0]] as [(typeof signers)[0], oracle.OracleKey];
const same = (ours: Uint8Array, theirs: Uint8Array) =>
  expect(Buffer.from(ours).toString('hex')).toBe(Buffer.from(theirs).toString('hex'));
const map = (...entries: [number | string | Uint8Array, unknown][]) => new Map(entries);
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Uint8Array.from(bytes));
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,14}$/);
const seconds = fc.nat(2 ** 31 - 1);

/** UUID version 5, as in RFC 9562, out of its text. */
function uuid5(namespace: Uint8Array, text: string): Uint8Array {
  const id = Uint8Array.from(createHash('sha1').update(namespace).update(text).digest().subarray(0, 16));
  id[6] = ((id[6] ?? 0) % 16) + 0x50;
  id[8] = ((id[8] ?? 0) % 64) + 0x80;
  return id;
}
const DNS = Uint8Array.from(Buffer.from('6ba7b8109dad11d180b400c04fd430c8', 'hex'));

describe('what is signed is the same, byte for byte, when another implementation makes it', () => {
  it('keys and their names', () => {
    for (const [index, one] of signers.entries()) {
      same(one.publicKey, keys[index]?.publicKey ?? new Uint8Array(0));
      same(keyId(one.publicKey), keys[index]?.kid ?? new Uint8Array(0));
    }
  });

  it('COSE_Sign1, attached and detached', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (payload, detached) => {
        const ours = createSign1(signer, payload, { detached });
        same(ours, oracle.sign1(key, payload, detached));
        const read = readSign1(ours).payload;
        if (detached) expect(read).toBeUndefined();
        else same(read ?? new Uint8Array(0), payload);
        expect(oracle.decode(ours)).toMatchObject({ tag: 18, value: { length: 4 } });
      }),
      RUNS,
    );
  });

  it('envelopes and manifests', () => {
    const one = fc.record({
      slot: name,
      module: fc.uint8Array({ maxLength: 80 }).map((bytes) => Uint8Array.from(bytes)),
      inside: fc.boolean(),
      chunks: fc.boolean(),
      securityFloor: fc.option(fc.nat(), { nil: undefined }),
      probationSeconds: fc.option(fc.nat(600), { nil: undefined }),
      replaceIdentity: fc.boolean(),
    });
    const options = fc.record({
      sequence: fc.maxSafeInteger().map(Math.abs),
      device: fc.boolean(),
      board: fc.boolean(),
      version: fc.option(fc.constantFrom('1.2.3', '0.1', '2.0.0-rc.4'), { nil: undefined }),
      useBefore: fc.option(seconds, { nil: undefined }),
      modules: fc.uniqueArray(one, { minLength: 1, maxLength: 3, selector: ({ slot }) => slot }),
      signedBy: fc.subarray([0, 1, 2], { minLength: 1 }),
    });
    fc.assert(
      fc.property(options, ({ sequence, device, board, version, useBefore, modules, signedBy }) => {
        const vendor = uuid5(DNS, 'iot-host.invalid');
        const inside = modules.filter((each) => each.inside);
        const payloads = Object.fromEntries(inside.map(({ slot, module }) => [`#${slot}`, module]));
        const uri = ({ slot, inside }: (typeof modules)[0]) => (inside ? `#${slot}` : 'mqtt:');
        const ours = createEnvelope({
          sequence,
          components: modules.map((each) => ({
            id: ['actor', each.slot],
            digest: oracle.hash(each.module),
            size: each.module.length,
            uri: uri(each),
            ...(each.chunks ? { chunkDigests: chunkDigests(each.module) } : {}),
            ...(each.securityFloor === undefined ? {} : { securityFloor: each.securityFloor }),
            ...(each.probationSeconds === undefined ? {} : { probationSeconds: each.probationSeconds }),
            replaceIdentity: each.replaceIdentity,
          })),
          ...(device ? { deviceName: 'pi-01' } : {}),
          ...(board ? { board: 'raspberry-pi-5' } : {}),
          ...(version === undefined ? {} : { version }),
          ...(useBefore === undefined ? {} : { useBefore }),
          payloads,
          signers: signedBy.map((index) => signers[index] ?? signer),
        });

        const select = (index: number) => (modules.length === 1 ? [] : [12, index]);
        const shared = modules.flatMap((each, index) => {
          const digest = oracle.encode([-16, oracle.hash(each.module)]);
          const members = map(
            [1, vendor],
            [2, board ? uuid5(vendor, 'iot-host/raspberry-pi-5/wapc') : undefined],
            [3, digest],
            [4, useBefore],
            [14, each.module.length],
            [24, device ? uuid5(vendor, 'pi-01') : undefined],
            [-257, each.securityFloor],
            [
              -258,
              each.chunks && each.module.length > 0 ? oracle.hash(each.module).subarray(0, 16) : undefined,
            ],
            [-259, each.probationSeconds === undefined ? undefined : map([1, each.probationSeconds])],
            [-260, each.replaceIdentity ? 1 : undefined],
          );
          // No chunk, but said so.
          if (each.chunks && each.module.length === 0) members.set(-258, new Uint8Array(0));
          const set = new Map([...members].filter(([, value]) => value !== undefined));
          const tests = [
            1,
            ...(board ? [2] : []),
            ...(device ? [24] : []),
            ...(useBefore === undefined ? [] : [4]),
          ];
          return [...select(index), 20, set, ...tests.flatMap((test) => [test, 15])];
        });
        const install = modules.flatMap((each, index) => [
          ...select(index),
          ...[20, map([21, uri(each)])],
          ...[21, 15, 3, 15],
        ]);
        const ids = modules.map(({ slot }) => [Buffer.from('actor'), Buffer.from(slot)]);
        const manifest = map(
          [1, 1],
          [2, sequence],
          [3, oracle.encode(map([2, ids], [4, oracle.encode(shared)]))],
          [6, version === undefined ? undefined : oracle.encode(parseVersion(version))],
          [7, oracle.encode(modules.flatMap((_, index) => [...select(index), 3, 15]))],
          [20, oracle.encode(install)],
        ) as Map<number, unknown>;
        const theirs = oracle.envelope(
          manifest,
          signedBy.map((index) => keys[index] ?? key),
          payloads,
        );
        same(ours, theirs);
        const accepted = outcome(theirs, context({ now: { seconds: 0, trusted: true } }));
        if (useBefore === 0) expect(accepted).toBe('E_EXPIRED');
        else
          expect(accepted).toMatchObject({
            sequence,
            signedBy: signedBy.map((index) => keyName(keys[index]?.publicKey ?? key.publicKey)),
            components: modules.map((each) => ({
              id: ['actor', each.slot],
              size: each.module.length,
              uri: uri(each),
              securityFloor: each.securityFloor,
              probationSeconds: each.probationSeconds,
              replaceIdentity: each.replaceIdentity,
              payload: each.inside ? each.module : undefined,
            })),
          });
      }),
      RUNS,
    );
  });

  it('trust documents', () => {
    const role = fc.record({
      keys: fc.subarray([0, 1, 2], { minLength: 1 }),
      components: fc.uniqueArray(name, { maxLength: 2 }),
      capabilities: fc.uniqueArray(name, { maxLength: 2 }),
      mayGrow: fc.boolean(),
    });
    const options = fc.record({
      version: fc.integer({ min: 1, max: 2 ** 40 }),
      issued: seconds,
      expires: fc.option(seconds, { nil: undefined }),
      others: fc.dictionary(fc.constantFrom<RoleName>(...ROLES.slice(1)), role, {
        maxKeys: 4,
        noNullPrototype: true,
      }),
      floors: fc.uniqueArray(fc.tuple(name, fc.nat()), { maxLength: 3, selector: ([slot]) => slot }),
      blocked: fc.array(bytes32, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(options, ({ version, issued, expires, others, floors, blocked }) => {
        const of = (indices: readonly number[]) =>
          indices.map((index) => signers[index]?.publicKey ?? signer.publicKey);
        const roles = Object.fromEntries(
          Object.entries(others).map(([which, { keys: indices, components, ...rest }]) => [
            which,
            { keys: of(indices), components: components.map((slot) => ['actor', slot]), ...rest },
          ]),
        );
        const document = createTrustDocument({
          version,
          issued,
          ...(expires === undefined ? {} : { expires }),
          roles: { root: { keys: of([0, 1]), threshold: 2 }, ...roles },
          floorResets: floors.map(([slot, floor]) => ({ component: ['actor', slot], floor })),
          blocked,
        });
        const ours = signTrustDocument(document, signers.slice(0, 2));

        const id = (slot: string) => [Buffer.from('actor'), Buffer.from(slot)];
        const used = new Set([0, 1, ...Object.values(others).flatMap(({ keys: indices }) => indices)]);
        const named = [...used].map((index) => keys[index] ?? key);
        const roleOf = (
          indices: readonly number[],
          threshold: number,
          prefixes: unknown,
          caps: unknown,
          flags: number,
        ) =>
          map(
            [1, indices.map((index) => (keys[index] ?? key).kid)],
            [2, threshold],
            [3, prefixes],
            [4, caps],
            [5, flags],
          );
        const theirs = oracle.trustFile(
          map(
            [1, version],
            [2, issued],
            [3, expires],
            [
              4,
              map(
                ...named.map(
                  (one) => [one.kid, oracle.oracleCoseKey(one.publicKey)] as [Uint8Array, unknown],
                ),
              ),
            ],
            [
              5,
              map(
                ['root', roleOf([0, 1], 2, [[]], ['*'], 1)],
                ...Object.entries(others).map(
                  ([which, one]) =>
                    [
                      which,
                      roleOf(one.keys, 1, one.components.map(id), one.capabilities, one.mayGrow ? 1 : 0),
                    ] as [string, unknown],
                ),
              ),
            ],
            [
              6,
              floors.length === 0
                ? undefined
                : map(
                    ...floors.map(
                      ([slot, floor]) => [oracle.encode(id(slot)), floor] as [Uint8Array, unknown],
                    ),
                  ),
            ],
            [7, blocked.length === 0 ? undefined : blocked],
          ) as Map<number, unknown>,
          keys.slice(0, 2),
        );
        same(ours, theirs);
        const read = readTrustDocument(theirs);
        same(signTrustDocument(read, signers.slice(0, 2)), theirs);
        expect(read).toMatchObject({ version, issued, expires, blocked });
      }),
      RUNS,
    );
  });

  it('requests and replies', () => {
    const options = fc.record({
      device: name,
      session: fc.oneof(fc.nat(), name),
      counter: fc.maxSafeInteger().map(Math.abs),
      operation: name,
      args: plainValue,
    });
    const control = { keys: [signer.publicKey] };
    const trust = createTrustDocument({ version: 1, issued: 0, roles: { root: control, control } });
    fc.assert(
      fc.property(options, (request: Request) => {
        const ours = createRequest(signer, request);
        const { device, session, counter, operation, args } = request;
        const theirs = oracle.sign1(
          key,
          oracle.encode(map([1, device], [2, session], [3, counter], [4, operation], [5, args])),
        );
        same(ours, theirs);
        const verified = verifyRequest(theirs, trust, { device, session, lastCounter: () => undefined });
        expect(verified).toMatchObject({ operation, counter, kid: keyName(signer.publicKey) });
        same(writeCbor(verified.args), oracle.encode(args));
        same(encodeReply({ counter, result: args }), oracle.encode(map([1, counter], [2, args])));
      }),
      RUNS,
    );
  });

  it('reports', () => {
    const options = fc.record({
      manifestDigest: bytes32,
      device: name,
      state: name,
      nonce: fc.option(
        fc.uint8Array({ maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
        { nil: undefined },
      ),
      outcome: fc.constantFrom('done', 'pending', 'E_OLDER', 'E_PROBATION_TRAP', 'E_COMMAND'),
      componentIndex: fc.nat(7),
    });
    /** Exit code and SUIT reason. */
    const numbers = {
      pending: [0, 12],
      E_OLDER: [4, 10],
      E_PROBATION_TRAP: [5, 11],
      E_COMMAND: [4, 5],
    } as const;
    fc.assert(
      fc.property(options, ({ outcome: ending, componentIndex, ...rest }) => {
        const report = { uri: 'mqtt:', outcome: ending, componentIndex, ...rest } as const;
        const ours = createReport(report as Parameters<typeof createReport>[0], signer);
        const [exit, reason] = ending === 'done' ? [0, 0] : numbers[ending as keyof typeof numbers];
        const record = [[], ending === 'pending' ? 9 : 20, 0, componentIndex, map()];
        const failed = ending !== 'done' && ending !== 'pending';
        const members = map(
          [99, ['mqtt:', [-16, rest.manifestDigest]]],
          [2, rest.nonce],
          [3, []],
          [4, ending === 'done' ? true : map([5, exit], [6, record], [7, reason])],
          [-257, failed ? ending : undefined],
          [-258, rest.device],
          [-259, rest.state],
        );
        const theirs = oracle.sign1(key, oracle.encode(members));
        same(ours, theirs);
        expect(readReport(theirs, signer.publicKey)).toEqual({
          ...report,
          componentIndex: ending === 'done' ? undefined : componentIndex,
        });
      }),
      RUNS,
    );
  });

  it('the freshness index', () => {
    const options = fc.record({
      device: name,
      issued: seconds,
      newest: fc.uniqueArray(fc.tuple(name, fc.maxSafeInteger().map(Math.abs)), {
        maxLength: 5,
        selector: ([slot]) => slot,
      }),
    });
    const fresh = { keys: [signer.publicKey] };
    const trust = createTrustDocument({ version: 1, issued: 0, roles: { root: fresh, fresh } });
    fc.assert(
      fc.property(options, ({ device, issued, newest }) => {
        const statement = { device, issued, until: issued + 60, newest: new Map(newest) };
        const content = map([1, device], [2, issued], [3, issued + 60], [4, new Map(newest)]);
        const theirs = oracle.sign1(key, oracle.encode(content));
        same(signFreshUntil(signer, statement), theirs);
        expect(verifyFreshUntil(theirs, trust, device)).toEqual(statement);
      }),
      RUNS,
    );
  });
});
