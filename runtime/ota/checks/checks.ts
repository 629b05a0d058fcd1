import type { CheckedModule } from '../../host/update.js';
import type { InstalledRecord } from '../storage/record.js';

/** One module of a deployment: what its slot is to run. */
export interface Part {
  readonly slot: string;
  /** SHA-256 of the module, hex. */
  readonly digest: string;
  /** Exact bytes of the module. */
  readonly size: number;
  readonly uri: string;
  /** The module itself, when the envelope carries it. */
  readonly payload?: Uint8Array | undefined;
  /** Signed: what each chunk of the module must hash to (`isChunk`). */
  readonly chunkDigests?: Uint8Array | undefined;
  /** Sequence number below which the module before it may not be fallen back to. */
  readonly securityFloor?: number | undefined;
  /** Whether a module with another key than the slot holds may take the slot. */
  readonly replaceIdentity: boolean;
  /** Signed by developer keys: the limits of their role hold. Default: `release`. */
  readonly role?: 'push' | undefined;
}

/** What an envelope that passed all checks asks for. */
export interface Deployment {
  /** SHA-256 of the manifest, hex. */
  readonly deployment: string;
  /** The last part of its topics: the slot, or the name of a release of several slots. */
  readonly component: string;
  readonly sequence: number;
  /** One for each slot, all of them different: they are kept together or not at all. */
  readonly parts: readonly Part[];
  /** Least time on probation that the manifest asks for, in milliseconds. */
  readonly dwellMs: number;
  /** It expires, and no clock that can be trusted could say whether it has. Default false. */
  readonly timeUnverified?: boolean;
  /** The time at which the envelope was judged: what it brings is judged at the same one. */
  readonly now?: Known['now'];
}

/** What the device knows when an envelope comes in. */
export interface Known {
  /** Unix seconds; untrusted ones have certainly passed. */
  readonly now: { readonly seconds: number; readonly trusted: boolean };
  slot(name: string): KnownSlot;
}

export interface KnownSlot {
  /** Highest sequence number committed, and the manifest that had it. */
  readonly floor: number;
  readonly floorDeployment?: string | undefined;
  /** Digests that failed here. */
  readonly blocked: readonly string[];
  readonly installed?: InstalledRecord | undefined;
}

/** The two judgements of an update, both pure functions over bytes; they throw `IotError` with the reason. */
export interface Checks {
  /** Signature, target, order, expiry (steps 1 to 8): whether this may be installed here and now. */
  envelope(component: string, envelope: Uint8Array, known: Known): Deployment;
  /** Admission and claims (step 10) of bytes whose size and digest have been compared. */
  module(bytes: Uint8Array, part: Part, known: Known): CheckedModule;
}
