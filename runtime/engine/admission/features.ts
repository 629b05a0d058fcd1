import { IotError } from '../../base/errors.js';
import type { Feature } from '../../wasm/features.js';
import type { Module } from '../../wasm/module.js';

/** What wasm3 runs rightly beyond the first version of WebAssembly; everything else is refused. */
const SUPPORTED: ReadonlySet<Feature> = new Set<Feature>([
  'sign-extension',
  'saturating-float-to-int',
  'memory-copy-fill',
  'multi-value-results',
]);

/** What a person reads instead of the bare name. */
const WORDS: Readonly<Partial<Record<Feature, string>>> = {
  'block-parameters': 'blocks with parameters (multi-value)',
  'passive-segments': 'passive segments (bulk memory)',
  'explicit-segment-index': 'segments that name their table or memory',
  'table-instructions': 'table.init, table.copy or elem.drop (bulk memory)',
  'reference-types': 'reference types',
  'tail-calls': 'tail calls',
  threads: 'threads (atomics or shared memory)',
  simd: 'SIMD',
  exceptions: 'exceptions',
  memory64: '64-bit addresses (memory64 or table64)',
  'multi-memory': 'more than one memory',
  'multi-table': 'more than one table',
  'extended-constants': 'extended constant expressions',
  'function-references': 'function references',
  'custom-page-sizes': 'pages of another size than 64 KiB',
  'padded-encoding': 'an opcode written with more bytes than it needs',
};

/** Throws E_FEATURE for the first feature that the engine lacks, with the function and the offset of its use. */
export function refuseFeatures(module: Module): void {
  const use = module.features.find(({ feature }) => !SUPPORTED.has(feature));
  if (use === undefined) return;
  const place = use.functionIndex === undefined ? '' : ` in function ${use.functionIndex}`;
  throw new IotError(
    'E_FEATURE',
    `module uses ${WORDS[use.feature] ?? use.feature}${place} at offset 0x${use.offset.toString(16)}`,
    { hint: 'build it for plain WebAssembly 1.0: clang -mcpu=mvp, rustc -C target-cpu=mvp, asc --disable …' },
  );
}
