/** Something secret, and every way in which it could be written down. */
export class Canary {
  readonly forms: ReadonlyMap<string, string>;

  constructor(
    readonly name: string,
    secret: string | Uint8Array,
  ) {
    const bytes = Buffer.from(secret);
    const forms = new Map<string, string>([
      ['bytes', bytes.toString('latin1')],
      ['hex', bytes.toString('hex')],
      ['base64url', aligned(bytes, 0).replaceAll('+', '-').replaceAll('/', '_')],
      ['reversed', Buffer.from(bytes).reverse().toString('latin1')],
    ]);
    // In the middle of something longer base64 looks different, by where it begins.
    for (const shift of [0, 1, 2]) forms.set(`base64+${shift}`, aligned(bytes, shift));
    if (typeof secret === 'string') {
      forms.set('url', encodeURIComponent(secret));
      forms.set('json', JSON.stringify(secret).slice(1, -1));
      forms.set('utf16', Buffer.from(secret, 'utf16le').toString('latin1'));
    }
    this.forms = forms;
  }
}

/** The characters of the base64 of `bytes`, `shift` bytes into a group, that no neighbour has a part in. */
function aligned(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replaceAll('=', '');
  const end = (shift + bytes.length) % 3 === 0 ? text.length : text.length - 1;
  return text.slice(shift === 0 ? 0 : shift + 1, end);
}

/** `canary (form) in artefact` for everything that got out. */
export function escaped(
  canaries: readonly Canary[],
  artefacts: ReadonlyMap<string, string | Uint8Array>,
): string[] {
  return [...artefacts].flatMap(([artefact, content]) => {
    const text = Buffer.from(content).toString('latin1');
    const lower = text.toLowerCase();
    return canaries.flatMap(({ name, forms }) =>
      [...forms]
        .filter(([form, written]) => (form === 'hex' ? lower.includes(written) : text.includes(written)))
        .map(([form]) => `${name} (${form}) in ${artefact}`),
    );
  });
}
