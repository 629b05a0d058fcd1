/** Texts of what AssemblyScript's runtime tells its host; strings arrive as UTF-16LE bytes. */
const utf16 = new TextDecoder('utf-16le');

export function abortText(message: Uint8Array, file: Uint8Array, line: number, column: number): string {
  const what = utf16.decode(message) || 'no message';
  const where = utf16.decode(file);
  return where === '' ? `abort: ${what}` : `abort: ${what} at ${where}:${line >>> 0}:${column >>> 0}`;
}

/** `count` of `values` were given. */
export function traceText(message: Uint8Array, count: number, values: readonly number[]): string {
  return [utf16.decode(message), values.slice(0, Math.max(0, count)).join(', ')].filter(Boolean).join(' ');
}
