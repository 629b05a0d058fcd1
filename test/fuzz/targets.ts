import * as cborg from 'cborg';
import { expect } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import type { CborItem } from '#runtime/trust/cbor/item.js';
import { readCbor } from '#runtime/trust/cbor/reader.js';
import { type CborKey, type CborValue, Encoded, Tagged } from '#runtime/trust/cbor/value.js';
import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { createAuthentication } from '#runtime/trust/cose/authentication.js';
import { createSign1 } from '#runtime/trust/cose/sign1.js';
import { encodeTrustDocument } from '#runtime/trust/document/codec.js';
import { readTrustDocument } from '#runtime/trust/document/signed.js';
import { decodeRequest, encodeRequest, verifyRequest } from '#runtime/trust/rpc/request.js';
import { fitsSize } from '#runtime/trust/suit/chunk-digests.js';
import { inspectEnvelope } from '#runtime/trust/suit/inspect.js';
import { verifyEnvelope } from '#runtime/trust/suit/verify.js';
import { moduleHashes, readToken, stripTokens, verifyModule } from '#runtime/trust/wascap/index.js';
import { splitToken } from '#runtime/trust/wascap/token.js';
import { readModule } from '#runtime/wasm/module.js';
import { readCustomSections, readSections } from '#runtime/wasm/sections.js';
import { p256Signer } from '../trust/p256-signer.js';
import { alice, bob, context } from '../trust/suit/scene.js';
import { DOCUMENT, ENVELOPES, REQUESTS } from './samples.js';

/** Reads one input and checks what must hold whatever it is. `accepted`, or the reason of the refusal. */
export type Target = (bytes: Uint8Array) => string;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Runs `read`; only the reasons listed may come up, and what is accepted goes to `check`. */
function judge<T>(read: () => T, reasons: readonly string[], check: (value: T) => void): string {
  let value: T;
  try {
    value = read();
  } catch (thrown) {
    if (!(thrown instanceof IotError)) throw thrown;
    expect(reasons).toContain(thrown.code);
    return thrown.code;
  }
  check(value);
  return 'accepted';
}

/** The item as the writer takes it. */
function writable(item: CborItem): CborValue {
  switch (item.kind) {
    case 'array':
      return item.items.map(writable);
    case 'map':
      return new Map(item.entries.map(([key, value]) => [writable(key) as CborKey, writable(value)]));
    case 'tag':
      return new Tagged(item.tag as number, writable(item.item));
    default:
      return item.value;
  }
}

function count(item: CborItem): number {
  const inside =
    item.kind === 'array'
      ? item.items
      : item.kind === 'map'
        ? item.entries.flat()
        : item.kind === 'tag'
          ? [item.item]
          : [];
  return inside.reduce((sum, one) => sum + count(one), 1);
}

const tagged = (item: CborItem): boolean =>
  item.kind === 'tag' ||
  (item.kind === 'array' ? item.items : item.kind === 'map' ? item.entries.flat() : []).some(tagged);

/** One spelling: what is read is written back as it was, and another library reads the same in it. */
const cbor: Target = (bytes) =>
  judge(
    () => readCbor(bytes),
    ['E_ENVELOPE'],
    (item) => {
      expect(hex(writeCbor(writable(item)))).toBe(hex(bytes));
      expect(count(item)).toBeLessThanOrEqual(bytes.length);
      expect(hex(item.raw)).toBe(hex(bytes));
      // That library knows no tags by itself, and drops a byte order mark at the start of a text.
      if (tagged(item) || Buffer.from(bytes).includes('efbbbf', 0, 'hex')) return;
      const options = { strict: true, useMaps: true, rejectDuplicateMapKeys: true, allowIndefinite: false };
      const theirs: CborValue = cborg.decode(bytes, options);
      expect(hex(writeCbor(theirs))).toBe(hex(bytes));
    },
  );

const ENVELOPE_REASONS = [
  ...[
    'E_TOO_LARGE',
    'E_ENVELOPE',
    'E_UNSIGNED',
    'E_ALG',
    'E_DIGEST',
    'E_SIZE',
    'E_SIGNATURE',
    'E_UNTRUSTED',
    'E_COMMAND',
  ],
];
const LATER_REASONS = ['E_COMPONENT', 'E_BLOCKED', 'E_WRONG_DEVICE', 'E_EXPIRED', 'E_UNAUTHORISED'];
const device = () => context({ now: { seconds: 0, trusted: true }, installedVersion: () => [0, 2] });
const essence = (bytes: Uint8Array) => {
  const { manifestDigest, sequence, version, components } = verifyEnvelope(bytes, device());
  return { manifestDigest: hex(manifestDigest), sequence, version, components };
};
const genuine = ENVELOPES.map(essence);

/** Nobody who damages an envelope gets anything accepted but what was signed. */
const envelope: Target = (bytes) =>
  judge(
    () => essence(bytes),
    ENVELOPE_REASONS,
    (result) => {
      const original = genuine.find(({ manifestDigest }) => manifestDigest === result.manifestDigest);
      expect(result).toEqual(original);
      expect(result.components.length).toBeGreaterThan(0);
    },
  );

/** Whatever a trusted key has signed: refused, or a plan that is whole. */
const manifest: Target = (bytes) => {
  const member = writeCbor(bytes);
  const signed = writeCbor(
    new Tagged(
      107,
      new Map<number, CborValue>([
        [2, createAuthentication(member, [alice])],
        [3, new Encoded(member)],
      ]),
    ),
  );
  const code = judge(
    () => verifyEnvelope(signed, device()),
    [...ENVELOPE_REASONS, ...LATER_REASONS],
    ({ components, sequence }) => {
      expect(cbor(bytes)).toBe('accepted');
      expect(Number.isSafeInteger(sequence) && sequence >= 0).toBe(true);
      expect(components.length).toBeGreaterThan(0);
      const ids = components.map(({ id }) => JSON.stringify(id));
      expect(new Set(ids).size).toBe(ids.length);
      for (const { digest, size, uri, chunkDigests } of components) {
        expect(digest.length).toBe(32);
        expect(size).toBeLessThanOrEqual(4 * 1024 * 1024);
        expect(uri).toMatch(/^(mqtt:$|https:\/\/|#)/);
        expect(chunkDigests === undefined || fitsSize(chunkDigests, size)).toBe(true);
      }
      const { conditions } = inspectEnvelope(signed);
      for (const { id } of components)
        expect(conditions.some((test) => test.name === 'vendor' && test.component.join() === id.join())).toBe(
          true,
        );
    },
  );
  if (code !== 'accepted')
    judge(
      () => inspectEnvelope(signed),
      ENVELOPE_REASONS,
      () => undefined,
    );
  return code;
};

const DOCUMENT_REASONS = [
  ...[
    'E_TOO_LARGE',
    'E_ENVELOPE',
    'E_UNSIGNED',
    'E_ALG',
    'E_DIGEST',
    'E_SIGNATURE',
    'E_UNTRUSTED',
    'E_COMMAND',
  ],
  ...['E_KEY', 'E_CONFIG'],
];

const trustDocument: Target = (bytes) =>
  judge(
    () => readTrustDocument(bytes),
    DOCUMENT_REASONS,
    (document) => expect(document).toEqual(DOCUMENT),
  );

/** Whatever its own root keys have signed: refused, or read so that it is written back as it was. */
const trustContent: Target = (bytes) => {
  const member = writeCbor(bytes);
  const authentication = createAuthentication(member, [alice, bob, p256Signer(1)]);
  const file = writeCbor([authentication, new Encoded(member)]);
  return judge(
    () => readTrustDocument(file),
    DOCUMENT_REASONS,
    (document) => {
      expect(hex(encodeTrustDocument(document))).toBe(hex(bytes));
    },
  );
};

const REQUEST_REASONS = ['E_TOO_LARGE', 'E_ENVELOPE', 'E_ALG', 'E_UNAUTHORISED', 'E_SIGNATURE'];
const now = { device: 'pi-01', session: 5, lastCounter: () => 7 };
const answered = (bytes: Uint8Array) => verifyRequest(bytes, DOCUMENT, now);
const asked = REQUESTS.map((bytes) => JSON.stringify(answered(bytes), (_, value) => String(value)));

const request: Target = (bytes) =>
  judge(
    () => answered(bytes),
    REQUEST_REASONS,
    (result) => {
      expect(asked).toContain(JSON.stringify(result, (_, value) => String(value)));
      expect(REQUESTS.map(hex)).toContain(hex(bytes));
    },
  );

const requestContent: Target = (bytes) => {
  judge(
    () => answered(createSign1(alice, bytes)),
    [...REQUEST_REASONS, 'E_WRONG_DEVICE', 'E_REPLAY'],
    () => undefined,
  );
  return judge(
    () => decodeRequest(bytes),
    ['E_ENVELOPE', 'E_TOO_LARGE'],
    (read) => {
      expect(hex(encodeRequest(read))).toBe(hex(bytes));
    },
  );
};

const TOKEN_REASONS = ['E_MODULE', 'E_UNSIGNED', 'E_TOKEN', 'E_ALG', 'E_KEY', 'E_SIGNATURE', 'E_HASH'];

/** Claims are believed for exactly the code that they were made for. */
const claims: Target = (bytes) =>
  judge(
    () => verifyModule(bytes),
    TOKEN_REASONS,
    ({ hashForm, issuer }) => {
      const { payload } = splitToken(readToken(bytes));
      expect((payload.wascap as Record<string, unknown>).hash).toBe(moduleHashes(bytes)[hashForm]);
      expect(payload.iss).toBe(issuer);
      expect(
        readCustomSections(bytes).filter(({ name }) => name === 'jwt' || name === 'wasmcloud_jwt').length,
      ).toBe(1);
      expect(hex(stripTokens(bytes)).length).toBeLessThan(hex(bytes).length);
    },
  );

/** Sections lie side by side from the header to the last byte. */
const sections: Target = (bytes) =>
  judge(
    () => readSections(bytes),
    ['E_MODULE'],
    (found) => {
      let end = 8;
      for (const section of found) {
        expect(section.start).toBe(end);
        expect(section.bodyStart).toBeGreaterThanOrEqual(section.start + 2);
        expect(section.contentStart).toBeGreaterThanOrEqual(section.bodyStart);
        expect(section.end).toBeGreaterThanOrEqual(section.contentStart);
        end = section.end;
      }
      expect(end).toBe(bytes.length);
      const parts = [
        bytes.subarray(0, 8),
        ...found.map((section) => bytes.subarray(section.start, section.end)),
      ];
      expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
    },
  );

/** Everything that V8 takes is read, but for types of the garbage collector. */
const module: Target = (bytes) => {
  const code = judge(
    () => readModule(bytes),
    ['E_MODULE', 'E_FEATURE'],
    (read) => {
      expect(read.bodies.length).toBe(read.functions.length);
      expect(sections(bytes)).toBe('accepted');
    },
  );
  if (code === 'E_MODULE') expect(WebAssembly.validate(Uint8Array.from(bytes))).toBe(false);
  return code;
};

export const TARGETS = {
  cbor,
  envelope,
  manifest,
  'trust-document': trustDocument,
  'trust-content': trustContent,
  request,
  'request-content': requestContent,
  claims,
  sections,
  module,
} as const satisfies Record<string, Target>;
export type TargetName = keyof typeof TARGETS;
