import { writeCbor } from '#runtime/trust/cbor/writer.js';
import { encodeTrustDocument } from '#runtime/trust/document/codec.js';
import { createTrustDocument } from '#runtime/trust/document/document.js';
import { signTrustDocument } from '#runtime/trust/document/signed.js';
import { KeyPair } from '#runtime/trust/nkeys/index.js';
import { createRequest, encodeRequest, type Request } from '#runtime/trust/rpc/request.js';
import { chunkDigests } from '#runtime/trust/suit/chunk-digests.js';
import { createManifest, type ManifestOptions } from '#runtime/trust/suit/create-manifest.js';
import { p256Signer } from '../trust/p256-signer.js';
import { alice, bob, carol, component, envelope, MODULE } from '../trust/suit/scene.js';

const rich: ManifestOptions = {
  sequence: 10,
  version: '1.2.3-rc.1',
  deviceName: 'pi-01',
  board: 'raspberry-pi-5',
  useBefore: 2 ** 40,
  components: [
    component({
      uri: '#blink',
      requires: ['>=', '0.1'],
      securityFloor: 3,
      chunkDigests: chunkDigests(MODULE),
    }),
    component({
      id: ['actor', 'lamp'],
      uri: 'https://example.com/lamp.wasm',
      probationSeconds: 9,
      replaceIdentity: true,
    }),
  ],
};
/** Fetched, not carried: a manifest is tried without the envelope's other members. */
const fetched = rich.components.map((one) => (one.uri === '#blink' ? { ...one, uri: 'mqtt:' } : one));
export const MANIFESTS = [
  createManifest({ sequence: 10, components: [component()] }),
  createManifest({ ...rich, components: fetched }),
];
export const ENVELOPES = [
  envelope({ components: [component({ uri: '#m' })], payloads: { '#m': MODULE } }),
  envelope({ ...rich, payloads: { '#blink': MODULE }, signers: [alice, p256Signer(1), bob] }),
];

export const DOCUMENT = createTrustDocument({
  version: 3,
  issued: 1000,
  expires: 2000,
  roles: {
    root: { keys: [alice.publicKey, bob.publicKey, p256Signer(1).publicKey], threshold: 2 },
    release: {
      keys: [carol.publicKey],
      components: [['actor'], ['firmware', 'x']],
      capabilities: ['iot:gpio'],
      mayGrow: false,
    },
    control: { keys: [alice.publicKey] },
  },
  floorResets: [{ component: ['actor', 'blink'], floor: 7 }],
  blocked: [new Uint8Array(32).fill(9)],
  minimumHost: [0, 1, 2, -1, 4],
});
export const DOCUMENT_CONTENTS = [encodeTrustDocument(DOCUMENT)];
export const DOCUMENTS = [signTrustDocument(DOCUMENT, [alice, bob])];

export const REQUEST: Request = {
  device: 'pi-01',
  session: 5,
  counter: 8,
  operation: 'actor.stop',
  args: {
    name: 'blink',
    force: true,
    wait: 1.5,
    big: 2n ** 60n,
    data: Uint8Array.of(1, 2),
    list: [null, -1, []],
  },
};
export const REQUEST_CONTENTS = [
  encodeRequest(REQUEST),
  encodeRequest({ ...REQUEST, session: 'f00d', args: null }),
];
export const REQUESTS = [createRequest(alice, REQUEST), createRequest(alice, { ...REQUEST, args: [] })];
/** CBOR of every kind, and of every length of number. */
export const ITEMS = [
  writeCbor([
    0,
    24,
    256,
    65536,
    2 ** 32,
    -1,
    -(2n ** 64n),
    1.5,
    true,
    false,
    null,
    'ü',
    new Uint8Array(30),
    { a: [{}] },
  ]),
  ...MANIFESTS,
  ...DOCUMENTS,
];

export const account = KeyPair.fromRawSeed('account', new Uint8Array(32).fill(1));
export const moduleKey = KeyPair.fromRawSeed('module', new Uint8Array(32).fill(2));
