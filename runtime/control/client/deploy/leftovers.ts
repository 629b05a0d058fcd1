import { readRetained } from '../../mqtt/retained.js';
import { topics } from '../../protocol/topics.js';
import { clearBlobs, leaveBlobs, publishBlobs } from '../blobs.js';
import type { Desired } from '../desired.js';
import type { DeviceClient } from '../device-client.js';
import { type Artifact, isSent } from './artifact.js';
import type { Shelf } from './shelf.js';

/** What lies with the broker of a deployment's modules, and of those in whose place they come. */
export class Leftovers {
  /** Whether this sender has left its modules there. */
  left = false;
  /** Digest → size. */
  private readonly old = new Map<string, number>();
  private readonly own = new Map<string, Uint8Array>();
  private readonly known = new Set<string>();
  private looked: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: DeviceClient,
    artifacts: readonly Artifact[],
    before: readonly Desired[],
    private readonly shelf: Shelf | undefined,
  ) {
    for (const { modules } of before) for (const { digest, size } of modules) this.old.set(digest, size);
    for (const artifact of artifacts) if (isSent(artifact)) this.own.set(artifact.digest, artifact.bytes);
  }

  /** Looks, in the background, what lies there before anything of this deployment does. */
  look(): void {
    const digests = [...new Set([...this.old.keys(), ...this.own.keys()])];
    this.looked = Promise.all(digests.map((digest) => this.lookFor(digest))).then(() => {});
  }

  /** Leaves all modules around `announce`, which says who wants them. */
  async leave(announce: () => Promise<void>): Promise<void> {
    if (this.own.size === 0) return announce();
    this.left = true;
    const { link } = this.client;
    const { shelf } = this;
    const lies = (digest: string) => shelf?.holds(link, digest) === true;
    await leaveBlobs(link, this.own, announce, lies);
    for (const digest of this.own.keys()) shelf?.put(link, digest);
  }

  /** Publishes the modules, again if need be. */
  async publish(): Promise<void> {
    for (const [digest, module] of this.own) await publishBlobs(this.client.link, digest, module);
  }

  /**
   * Takes away what `deployment`, or those before it, had left, or has the shelf do it later. With `keep` its own stay
   * for whoever comes.
   */
  async tidy(deployment: string, keep: boolean): Promise<void> {
    await this.looked;
    const { link } = this.client;
    const sizes = new Map(this.old);
    for (const [digest, module] of this.own) sizes.set(digest, module.length);
    const gone = [...sizes].flatMap(([digest, size]) => {
      const own = this.own.has(digest);
      const lies = (own && this.left) || this.known.has(digest);
      return lies && !(own && keep) ? [{ digest, size }] : [];
    });
    // What cannot be taken away now is taken away by the next push.
    if (this.shelf !== undefined) this.shelf.discard(link, gone, deployment);
    else await clearBlobs(link, gone, new Set([deployment])).catch(() => {});
  }

  private async lookFor(digest: string): Promise<void> {
    const first = topics.blob(digest, 0);
    const there = await readRetained(this.client.link, first).catch(() => new Map<string, Uint8Array>());
    if (there.has(first)) this.known.add(digest);
  }
}
