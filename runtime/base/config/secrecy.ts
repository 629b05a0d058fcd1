const SENSITIVE = /passw|passphrase|secret|token|seed|credential|api_?key|private/i;
const REFERENCE = /^secret:\/\//;
const MASK = '***';

/** Whether what stands under one of these names is not for everybody's eyes. */
export function isSecret(path: readonly PropertyKey[]): boolean {
  return path.some((name) => typeof name === 'string' && SENSITIVE.test(name));
}

/** What may be shown of a value: a reference to a secret is none itself, and an address loses its password. */
export function masked(value: unknown, secret: boolean): unknown {
  if (typeof value === 'string' && REFERENCE.test(value)) return value;
  if (secret && typeof value !== 'boolean') return MASK;
  return typeof value === 'string' ? withoutCredentials(value) : value;
}

/** In whatever form the text is an address: what stands before `@`, and query parameters with such names. */
function withoutCredentials(text: string): string {
  return text
    .replace(/(\/\/[^/\s:@]*):[^/\s]*@/g, `$1:${MASK}@`)
    .replace(/([?&][^=&\s]*=)[^&\s]*/g, (whole, name: string) =>
      SENSITIVE.test(name) ? name + MASK : whole,
    );
}
