import type { Signer } from '../../../trust/cose/signer.js';
import type { UpdateState } from '../../protocol/messages.js';
import type { DeviceClient } from '../device-client.js';
import type { Artifact } from './artifact.js';
import type { Shelf } from './shelf.js';

/** Milliseconds that a push waits for the outcome. */
export const PUSH_TIMEOUT_MS = 60_000;

export interface PushProgress {
  /** `offline`: it waits for the device; `sent`: desired, not yet mentioned by the device. */
  readonly state: UpdateState | 'offline' | 'sent';
  /** As the device counts, while fetching. */
  readonly percent?: number | undefined;
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** What every deployment has, of whatever. */
export interface DeliveryOptions {
  readonly client: DeviceClient;
  /** Name of the slot, or of the release when there are several modules. */
  readonly component: string;
  /** Keys of the role `release`. */
  readonly signers: readonly Signer[];
  /** Default: the larger of Unix seconds and the reported floor + 1. */
  readonly sequence?: number | undefined;
  /** Human version of the release, `1.2.3`. */
  readonly version?: string | undefined;
  /** Leave it with the broker and do not wait. */
  readonly detach?: boolean | undefined;
  /** Default 60 000. */
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: ((progress: PushProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DeployOptions extends DeliveryOptions {
  /** All of them become active together, or none does. */
  readonly artifacts: readonly Artifact[];
  /** Shared by the deployments of one rollout; its `tidy` is then the caller's to call. Default: each for itself. */
  readonly shelf?: Shelf | undefined;
}
