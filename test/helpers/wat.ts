import wabt from 'wabt';

const toolkit = await wabt();

/** The features wasm3 runs; what is refused needs its own flags in the test that shows the refusal. */
const FEATURES = {
  multi_value: true,
  bulk_memory: true,
  mutable_globals: true,
  sign_extension: true,
  sat_float_to_int: true,
};

/** WebAssembly text to bytes; a mistake in the text throws with its line. `features` are wabt's names. */
export function wat(text: string, features: Record<string, boolean> = {}): Uint8Array {
  const module = toolkit.parseWat('fixture.wat', text, { ...FEATURES, ...features });
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}
