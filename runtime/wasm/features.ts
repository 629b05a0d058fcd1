/** What modules may use beyond the first version of WebAssembly, by the names of the proposals where one fits. */
export type Feature =
  | 'sign-extension'
  | 'saturating-float-to-int'
  | 'memory-copy-fill'
  | 'multi-value-results'
  | 'block-parameters'
  | 'passive-segments'
  | 'explicit-segment-index'
  | 'table-instructions'
  | 'reference-types'
  | 'tail-calls'
  | 'threads'
  | 'simd'
  | 'exceptions'
  | 'memory64'
  | 'multi-memory'
  | 'multi-table'
  | 'extended-constants'
  | 'function-references'
  | 'gc'
  | 'custom-page-sizes'
  | 'padded-encoding';

/** The first place where a module uses a feature. */
export interface FeatureUse {
  readonly feature: Feature;
  /** Index of the function, imported ones counted; `undefined` outside of code. */
  readonly functionIndex: number | undefined;
  /** Offset in the file. */
  readonly offset: number;
}

/** Collects the first use of each feature. */
export class FeatureLog {
  private readonly uses = new Map<Feature, FeatureUse>();

  add(feature: Feature, offset: number, functionIndex?: number): void {
    if (!this.uses.has(feature)) this.uses.set(feature, { feature, functionIndex, offset });
  }

  /** In the order of discovery: declarations before code. */
  list(): FeatureUse[] {
    return [...this.uses.values()];
  }
}
