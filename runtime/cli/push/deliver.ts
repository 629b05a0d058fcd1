import { asIotError, type IotError } from '../../base/errors.js';
import type { PushOutcome } from '../../control/client/outcome.js';
import { type PushProgress, push } from '../../control/client/push.js';
import type { Context } from '../context.js';
import type { Target } from '../device/lookup.js';
import type { DeviceOptions } from '../device/options.js';
import { withTarget } from '../device/session.js';
import { Progress } from '../progress.js';
import type { Release } from './release.js';

/** How it ended on one device. */
export interface Delivery {
  readonly device: string;
  readonly component: string;
  /** A final state, or `left` (with `--detach`), or `unknown` when there was no outcome. */
  readonly outcome: PushOutcome['end'] | 'unknown';
  readonly deployment?: string | undefined;
  readonly sequence?: number | undefined;
  readonly version?: string | undefined;
  /** `iot-host bind …` lines that the actor will need. */
  readonly unbound?: readonly string[] | undefined;
  readonly error?: IotError | undefined;
}

/** Pushes to one device and tells what happens on the way. Never throws: every failure is a delivery's `error`. */
export async function deliver(
  release: Release,
  target: Target,
  options: DeviceOptions & { detach?: boolean; replaceIdentity?: boolean },
  context: Context,
): Promise<Delivery> {
  const { component, module, version, signers, claims } = release;
  const { device } = target;
  const report = reporter(device, component, context);
  const { detach, replaceIdentity, timeout: timeoutMs } = options;
  const { signal } = context;
  try {
    const outcome = await withTarget(target, options, context, ({ client }) =>
      push({
        client,
        component,
        module,
        version,
        signers,
        detach,
        replaceIdentity,
        timeoutMs,
        signal,
        onProgress: report.progress,
      }),
    );
    const { deployment, sequence, end, status, error } = outcome;
    const unbound = status?.unbound?.map((line) => `${line} --device ${device}`);
    return { device, component, outcome: end, deployment, sequence, version: claims.ver, unbound, error };
  } catch (thrown) {
    return { device, component, outcome: 'unknown', error: asIotError(thrown) };
  } finally {
    report.end();
  }
}

/** Progress of the bytes, and a line for each new state. */
function reporter(device: string, component: string, context: Context) {
  const bar = new Progress(context.output, device);
  let last: PushProgress['state'] | undefined;
  return {
    progress({ state, sentBytes, totalBytes }: PushProgress): void {
      if (state !== last) context.output.note(`${device}: ${component} ${STATE_TEXT[state]}`);
      last = state;
      if (state === 'fetching') bar.update(sentBytes, totalBytes);
    },
    end: () => bar.end(),
  };
}

const STATE_TEXT: Readonly<Record<PushProgress['state'], string>> = {
  offline: 'waits with the broker, the device is off',
  sent: 'is sent',
  received: 'received',
  verified: 'verified',
  fetching: 'fetching',
  staged: 'staged',
  probation: 'on probation',
  active: 'active',
  'rolled-back': 'rolled back',
  rejected: 'rejected',
  failed: 'failed',
  cancelled: 'cancelled',
};
