import { describe, expect, it } from 'vitest';
import { IotError } from '#runtime/base/errors.js';
import { type Known, signedChecks } from '#runtime/ota/index.js';
import { signerFromSeed } from '#runtime/trust/cose/signer.js';
import { createTrustDocument, type RoleOptions } from '#runtime/trust/document/document.js';
import { envelopeFor, KEY, moduleBytes, release } from './bench.js';

const root = signerFromSeed(new Uint8Array(32).fill(1));
const developer = signerFromSeed(new Uint8Array(32).fill(41));
const known: Known = {
  now: { seconds: 1_800_000_000, trusted: true },
  slot: () => ({ floor: 0, blocked: [] }),
};

function checksOf(development: boolean | undefined, push: Partial<RoleOptions> = {}) {
  const trust = createTrustDocument({
    version: 1,
    issued: 0,
    roles: {
      root: { keys: [root.publicKey] },
      release: { keys: [release.publicKey] },
      push: { keys: [developer.publicKey], ...push },
    },
  });
  return signedChecks({
    ...{ device: 'pi-01', board: 'sim', development },
    trust: () => trust,
    readModule: () => ({ key: KEY, name: 'blink', capabilities: ['iot:gpio', 'iot:mqtt'] }),
  });
}

const bytes = moduleBytes('good-1');
const signedBy = (...signers: (typeof developer)[]) => envelopeFor(1, bytes, { signers });

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (thrown) {
    if (!(thrown instanceof IotError)) throw thrown;
    return [thrown.code, thrown.message];
  }
}

describe('a developer key (role push)', () => {
  it.each([undefined, false])('installs nothing where development is %s', (development) => {
    const checks = checksOf(development);
    expect(outcome(() => checks.envelope('blink', signedBy(developer), known))).toEqual([
      'E_UNTRUSTED',
      'keys of the role push count on devices in development only',
    ]);
    expect(checks.envelope('blink', signedBy(release), known).parts[0]?.role).toBeUndefined();
  });

  it('counts on a device in development, beside the role release', () => {
    const checks = checksOf(true);
    expect(checks.envelope('blink', signedBy(developer), known).parts).toMatchObject([{ role: 'push' }]);
    expect(checks.envelope('blink', signedBy(release), known).parts[0]?.role).toBeUndefined();
    expect(outcome(() => checks.envelope('blink', signedBy(root), known))).toContain('E_UNTRUSTED');
  });

  it('is held to the limits of its own role: slots, contracts, how many must sign', () => {
    const narrow = checksOf(true, { components: [['actor', 'lamp']] });
    expect(outcome(() => narrow.envelope('blink', signedBy(developer), known))).toContain('E_COMPONENT');
    const poor = checksOf(true, { capabilities: ['iot:gpio'] });
    const [mine] = poor.envelope('blink', signedBy(developer), known).parts;
    const [theirs] = poor.envelope('blink', signedBy(release), known).parts;
    if (mine === undefined || theirs === undefined) throw new Error('no part');
    expect(poor.module(bytes, mine, known).capabilities).toEqual(['iot:gpio']);
    expect(poor.module(bytes, theirs, known).capabilities).toEqual(['iot:gpio', 'iot:mqtt']);
    const other = signerFromSeed(new Uint8Array(32).fill(42));
    const two = checksOf(true, { keys: [developer.publicKey, other.publicKey], threshold: 2 });
    expect(outcome(() => two.envelope('blink', signedBy(developer), known))).toContain('E_UNTRUSTED');
    expect(two.envelope('blink', signedBy(developer, other), known).parts).toHaveLength(1);
  });
});
