import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KIB, MIB } from '../../base/limits.js';
import { readCbor } from '../../trust/cbor/reader.js';
import { asArray, asBytes, asText } from '../../trust/cbor/shape.js';
import { writeCbor } from '../../trust/cbor/writer.js';

/** What the embedded broker keeps over a restart; more is kept in memory only. */
export const MAX_STORED_BYTES = 32 * MIB;
const MAX_MESSAGE_BYTES = 64 * KIB;

/** One file for each retained topic, named by the topic's SHA-256 and holding CBOR `[topic, payload]`. */
export class RetainedStore {
  private readonly sizes = new Map<string, number>();
  private total = 0;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly folder: string) {}

  /** Everything stored; files that cannot be read are removed. */
  async load(): Promise<Map<string, Uint8Array>> {
    await mkdir(this.folder, { recursive: true });
    const messages = new Map<string, Uint8Array>();
    for (const name of await readdir(this.folder)) {
      const path = join(this.folder, name);
      const message = await readMessage(path);
      if (message === undefined || fileName(message.topic) !== name) {
        await rm(path, { force: true });
        continue;
      }
      messages.set(message.topic, message.payload);
      this.count(message.topic, message.payload.length);
    }
    return messages;
  }

  /** One after the other, in the order of the calls. `durable`: survives a power cut, not only a crash. */
  set(topic: string, payload: Uint8Array, durable: boolean): Promise<void> {
    const step = this.writing.then(() => this.write(topic, payload, durable));
    this.writing = step.catch(() => {});
    return step;
  }

  /** Resolves when everything has been written. */
  idle(): Promise<void> {
    return this.writing;
  }

  private async write(topic: string, payload: Uint8Array, durable: boolean): Promise<void> {
    const path = join(this.folder, fileName(topic));
    const grown = this.total - (this.sizes.get(topic) ?? 0) + payload.length;
    if (payload.length === 0 || payload.length > MAX_MESSAGE_BYTES || grown > MAX_STORED_BYTES) {
      // What does not fit must not leave its predecessor behind: it would come back after a restart.
      if (this.sizes.has(topic)) await rm(path, { force: true });
      this.count(topic, 0);
      return;
    }
    const temporary = `${path}.tmp`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(writeCbor([topic, payload]));
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    if (durable) await syncFolder(this.folder);
    this.count(topic, payload.length);
  }

  private count(topic: string, size: number): void {
    this.total += size - (this.sizes.get(topic) ?? 0);
    if (size === 0) this.sizes.delete(topic);
    else this.sizes.set(topic, size);
  }
}

function fileName(topic: string): string {
  return createHash('sha256').update(topic).digest('hex');
}

async function readMessage(path: string): Promise<{ topic: string; payload: Uint8Array } | undefined> {
  try {
    const item = readCbor(await readFile(path), { maxBytes: 2 * MAX_MESSAGE_BYTES });
    const [topic, payload] = asArray(item, 'message', 2);
    if (topic === undefined || payload === undefined) return undefined;
    return { topic: asText(topic, 'topic'), payload: asBytes(payload, 'payload') };
  } catch {
    return undefined;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
