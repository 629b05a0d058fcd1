import { IotError } from '../../base/errors.js';

/** What the engine runs; everything else is refused by the translation already. */
const FEATURES = {
  multi_value: true,
  bulk_memory: true,
  mutable_globals: true,
  sign_extension: true,
  sat_float_to_int: true,
};

/** WebAssembly text to bytes, with the npm package `wabt` when it is there. Throws E_UNAVAILABLE, E_MODULE. */
export async function translate(file: string, text: Uint8Array): Promise<Uint8Array> {
  const { default: wabt } = await import('wabt').catch((thrown: unknown) => {
    const message = `${file} is WebAssembly text, and the package that translates it is not installed`;
    throw new IotError('E_UNAVAILABLE', message, { hint: 'npm install wabt', cause: thrown });
  });
  const toolkit = await wabt();
  try {
    const module = toolkit.parseWat(file, new TextDecoder().decode(text), FEATURES);
    try {
      return new Uint8Array(module.toBinary({}).buffer);
    } finally {
      module.destroy();
    }
  } catch (thrown) {
    throw new IotError('E_MODULE', firstComplaint(thrown), { cause: thrown });
  }
}

/** wabt quotes the source under its message; `file:line:column: error: …` says it all. */
function firstComplaint(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const line = text.split('\n').find((candidate) => /: error: /.test(candidate)) ?? text;
  return line.replace(': error: ', ': ').trim();
}
