import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signerFromSeed } from '../../runtime/index.js';
import { nodeFileSystem } from '../../runtime/ota/index.js';
import { readAll, withFile } from '../../runtime/ota/storage/fs.js';
import { createTrustDocument } from '../../runtime/trust/document/document.js';
import { createEnvelope } from '../../runtime/trust/suit/create-envelope.js';
import { URI_MQTT } from '../../runtime/trust/suit/labels.js';
import { checkPayload, verifyEnvelope } from '../../runtime/trust/suit/verify.js';
import { type Figure, scaled } from './figure.js';
import { alternate } from './rounds.js';

const SIZE = 2 ** 20;

/** A signed envelope is verified, and the module that it names is read and hashed, as a device does it. */
export const verify: Figure = {
  name: 'verify',
  reference: 'openssl dgst -sha256, one file more in the same call',
  async run(scale) {
    const folder = await mkdtemp(join(tmpdir(), 'iot-host-bench-verify-'));
    const path = join(folder, 'module');
    const module = new Uint8Array(randomBytes(SIZE));
    await writeFile(path, module);
    try {
      const check = signedCheck(module);
      const count = scaled(300, scale, 10);
      const ours = async () => {
        const began = performance.now();
        for (let n = 0; n < count; n++)
          check(await withFile(nodeFileSystem, path, 'read', (file) => readAll(file, SIZE)));
        return (performance.now() - began) / count;
      };
      const oneMore = () => (openssl(path, 1 + count) - openssl(path, 1)) / count;
      const command = () => openssl(path, 1);
      await ours();
      command();
      const what = '1 MiB: signature, read, SHA-256';
      return [
        { what, unit: 'ms', better: 'lower', ...(await alternate(ours, oneMore)) },
        {
          ...{ what, unit: 'ms', better: 'lower', ...(await alternate(ours, command)) },
          against: 'the command openssl dgst -sha256, with its start',
        },
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** Throws unless the bytes are what the envelope names. */
function signedCheck(module: Uint8Array): (bytes: Uint8Array) => void {
  const [root, release] = [1, 2].map((fill) => signerFromSeed(new Uint8Array(32).fill(fill)));
  if (root === undefined || release === undefined) throw new Error('no keys');
  const roles = { root: { keys: [root.publicKey] }, release: { keys: [release.publicKey] } };
  const trust = createTrustDocument({ version: 1, issued: 1_700_000_000, roles });
  const digest = new Uint8Array(createHash('sha256').update(module).digest());
  const components = [{ id: ['actor', 'bench'], digest, size: module.length, uri: URI_MQTT }];
  const envelope = createEnvelope({ sequence: 1, components, deviceName: 'bench', signers: [release] });
  const now = { seconds: 1_700_000_000, trusted: true };
  const history = { floors: () => ({ floor: 0, manifestDigest: undefined }), blocked: () => false };
  const context = { trust, deviceName: 'bench', board: 'sim', now, ...history };
  return (bytes) => {
    const [component] = verifyEnvelope(envelope, context).components;
    if (component === undefined) throw new Error('the envelope names nothing');
    checkPayload(component, bytes);
  };
}

/** Milliseconds of one call for so many files. */
function openssl(path: string, files: number): number {
  const began = performance.now();
  execFileSync('openssl', ['dgst', '-sha256', ...new Array<string>(files).fill(path)], { stdio: 'ignore' });
  return performance.now() - began;
}
