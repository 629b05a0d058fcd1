import type { BrokerLink } from '../../mqtt/link.js';
import { clearBlobs, type LeftModule } from '../blobs.js';

/**
 * What many deployments of one process have in common: modules that were left with a broker are there for all of them,
 * and what nobody waits for any more is looked for once, at the end (`tidy`), not after each.
 */
export class Shelf {
  private readonly left = new Set<string>();
  private readonly discarded = new Map<string, Map<string, number>>();
  /** Deployments that have ended, whatever a device says of them. */
  private readonly ended = new Set<string>();

  /** Whether one of them has left it there. */
  holds(link: BrokerLink, digest: string): boolean {
    return this.left.has(`${link.address.url} ${digest}`);
  }

  put(link: BrokerLink, digest: string): void {
    this.left.add(`${link.address.url} ${digest}`);
  }

  /** `deployment` has ended and needs none of `modules`. */
  discard(link: BrokerLink, modules: readonly LeftModule[], deployment: string): void {
    const { url } = link.address;
    this.ended.add(deployment);
    if (modules.length === 0) return;
    const there = this.discarded.get(url) ?? new Map<string, number>();
    for (const { digest, size } of modules) there.set(digest, size);
    this.discarded.set(url, there);
  }

  /** Whether `tidy` has something to do, at some broker. */
  get untidy(): boolean {
    return this.discarded.size > 0;
  }

  /** Takes away, from this broker, what was discarded and nobody waits for. Rejects with E_BROKER_UNREACHABLE. */
  async tidy(link: BrokerLink): Promise<void> {
    const modules = [...(this.discarded.get(link.address.url) ?? [])].map(([digest, size]) => ({
      digest,
      size,
    }));
    this.discarded.delete(link.address.url);
    await clearBlobs(link, modules, this.ended);
  }
}
