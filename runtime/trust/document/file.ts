/** Where a trust document lies: `path` is a folder that holds `root.cbor`, or, ending in `.cbor`, the file itself. */
export function trustFile(path: string): string {
  return path.endsWith('.cbor') ? path : `${path.replace(/\/+$/, '')}/root.cbor`;
}
