import { moduleArtifact } from './deploy/artifact.js';
import { deploy } from './deploy/deploy.js';
import type { DeliveryOptions } from './deploy/options.js';
import type { PushOutcome } from './outcome.js';

export { PUSH_TIMEOUT_MS, type PushProgress } from './deploy/options.js';

export interface PushOptions extends DeliveryOptions {
  /** The signed module. */
  readonly module: Uint8Array;
  /** Lets a module with another key take the slot. Default false. */
  readonly replaceIdentity?: boolean | undefined;
}

/** `deploy` of one module into the slot `component`; resolves and rejects like it. */
export async function push(options: PushOptions): Promise<PushOutcome> {
  const { module, replaceIdentity, ...delivery } = options;
  return deploy({ ...delivery, artifacts: [moduleArtifact(options.component, module, { replaceIdentity })] });
}
