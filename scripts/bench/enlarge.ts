const HEADER_BYTES = 8;
const SECTION = { type: 1, function: 3, code: 10 } as const;
/** Steps of one function: about as much code as functions of compiled languages have. */
const STEPS = 32;
/** `x = ((x + K) << 5) ^ (x + K)`, K in five bytes. */
const step = (k: Uint8Array): Buffer =>
  Buffer.from([0x20, 0, 0x41, ...k, 0x6a, 0x22, 1, 0x41, 5, 0x74, 0x20, 1, 0x73, 0x21, 0]);
const STEP_BYTES = step(new Uint8Array(5)).length;
const FUNCTION_BYTES = 2 + 3 + STEPS * STEP_BYTES + 1;
/** Of a function, and of its line in the function section. */
const BYTES_EACH = FUNCTION_BYTES + 1;

/**
 * `module` with functions behind its own that nothing calls, so that it is about `bytes` large. All of it is code that
 * an engine has to read, check and, if it compiles ahead, compile. `mark` makes it another module each time.
 */
export function enlarge(module: Uint8Array, bytes: number, mark = 0): Uint8Array {
  const count = Math.max(0, Math.round((bytes - module.length) / BYTES_EACH));
  const sections = split(module);
  const types = sections.find(({ id }) => id === SECTION.type);
  const type = types === undefined ? 0 : readLeb(types.content, 0).value;
  const parts = sections.map(({ id, content }) => {
    if (id === SECTION.type) return section(id, longer(content, [Buffer.from([0x60, 0, 0])]));
    if (id === SECTION.function)
      return section(id, longer(content, new Array<Buffer>(count).fill(leb(type))));
    if (id === SECTION.code) return section(id, longer(content, bodies(count, mark)));
    return section(id, content);
  });
  return new Uint8Array(Buffer.concat([module.subarray(0, HEADER_BYTES), ...parts]));
}

function bodies(count: number, mark: number): Buffer[] {
  const locals = [1, 2, 0x7f];
  return Array.from({ length: count }, (_, index) => {
    const steps = Array.from({ length: STEPS }, (_unused, at) =>
      step(fiveBytes(mark * 7919 + index * STEPS + at)),
    );
    const size = leb(locals.length + STEPS * STEP_BYTES + 1);
    return Buffer.concat([size, Buffer.from(locals), ...steps, Buffer.from([0x0b])]);
  });
}

/** A vector with more elements at its end. */
function longer(vector: Uint8Array, elements: readonly Uint8Array[]): Buffer {
  const { value, end } = readLeb(vector, 0);
  return Buffer.concat([leb(value + elements.length), vector.subarray(end), ...elements]);
}

function section(id: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([id]), leb(content.length), content]);
}

function split(module: Uint8Array): { id: number; content: Uint8Array }[] {
  const sections = [];
  for (let at = HEADER_BYTES; at < module.length; ) {
    const id = module[at] ?? 0;
    const { value: length, end } = readLeb(module, at + 1);
    sections.push({ id, content: module.subarray(end, end + length) });
    at = end + length;
  }
  return sections;
}

function readLeb(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, end: at };
  }
}

function leb(value: number): Buffer {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** A small positive number as LEB128, with zeros up to five bytes. */
function fiveBytes(value: number): Uint8Array {
  return Uint8Array.from(
    [0, 7, 14, 21, 28],
    (shift) => ((value / 2 ** shift) & 0x7f) | (shift === 28 ? 0 : 0x80),
  );
}
