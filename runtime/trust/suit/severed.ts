import { IotError } from '../../base/errors.js';
import { equalBytes } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { asBytes, wrong } from '../cbor/shape.js';
import { readDigest, sha256 } from '../cose/authentication.js';

/**
 * The members that came beside a manifest. Each has to be named in it by its digest, made over the member as
 * encoded with the head of its byte string: the signature is over the manifest alone.
 */
export class Severed {
  private readonly left: Map<number, CborItem>;

  constructor(members: ReadonlyMap<number, CborItem>) {
    this.left = new Map(members);
  }

  /**
   * The member itself, a byte string: `item` as it stands in the manifest, or what came beside it when `item` is its
   * digest. Throws E_ENVELOPE when it is not there at all, E_ALG, E_DIGEST.
   */
  whole(key: number, item: CborItem, what: string): CborItem {
    return this.known(key, item, what) ?? wrong(item, what, 'there: it was severed and did not come along');
  }

  /** `whole` for a member that may have been left out. */
  known(key: number, item: CborItem, what: string): CborItem | undefined {
    if (item.kind !== 'array') {
      asBytes(item, what);
      return item;
    }
    const digest = readDigest(item, what);
    const beside = this.left.get(key);
    if (beside === undefined) return undefined;
    if (!equalBytes(sha256(beside.raw), digest)) {
      throw new IotError('E_DIGEST', `${what} was severed and does not match its digest`);
    }
    this.left.delete(key);
    return beside;
  }

  /** Throws E_DIGEST when something came along that the manifest says nothing of. */
  end(): void {
    const [extra] = this.left.keys();
    if (extra !== undefined) {
      throw new IotError('E_DIGEST', `the manifest does not vouch for severed member ${extra}`);
    }
  }
}
