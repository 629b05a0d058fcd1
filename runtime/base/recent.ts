/** Longest request in bytes that is remembered, and how many are. */
const MAX_BYTES = 48;
const MAX_REQUESTS = 64;

/**
 * Requests that were read lately, by their bytes: an actor that drives a pin writes the same two again and again, and
 * to decode and check one costs more than to perform it. Only those of plain members are remembered, frozen, since
 * whoever performs one gets the same object as the last time.
 */
export class Recent {
  readonly #requests = new Map<string, unknown>();

  get(operation: string, payload: Uint8Array, read: () => unknown): unknown {
    if (payload.length > MAX_BYTES) return read();
    const key = `${operation}/${String.fromCharCode(...payload)}`;
    const known = this.#requests.get(key);
    if (known !== undefined) return known;
    const request = read();
    if (!isPlain(request)) return request;
    if (this.#requests.size === MAX_REQUESTS) this.#requests.clear();
    this.#requests.set(key, Object.freeze(request));
    return request;
  }
}

/** An object whose members are no objects: bytes could be a view of memory that changes. */
function isPlain(request: unknown): request is object {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) return false;
  return Object.values(request).every((member) => typeof member !== 'object' || member === null);
}
