import { asIotError, type IotError } from '../../base/errors.js';
import type { ReasonCode } from '../../base/reasons.js';
import { deploy } from '../../control/client/deploy/deploy.js';
import type { PushProgress } from '../../control/client/deploy/options.js';
import type { Shelf } from '../../control/client/deploy/shelf.js';
import type { PushOutcome } from '../../control/client/outcome.js';
import { AWAY, patiently } from '../../control/client/patience.js';
import type { Verdict } from '../../control/client/rollout.js';
import type { Context } from '../context.js';
import type { Target } from '../device/lookup.js';
import type { DeviceOptions } from '../device/options.js';
import { withTarget } from '../device/session.js';
import { withHint } from '../hints.js';
import { Progress } from '../progress.js';
import type { Deployable } from './release.js';

/** How it ended on one device. */
export interface Delivery {
  readonly device: string;
  readonly component: string;
  /** A final state, or `left` (with `--detach`), `unknown` when there was no outcome, or `not-begun`. */
  readonly outcome: PushOutcome['end'] | 'unknown' | 'not-begun';
  readonly deployment?: string | undefined;
  readonly sequence?: number | undefined;
  readonly version?: string | undefined;
  /** `iot-host bind …` lines that the actor will need. */
  readonly unbound?: readonly string[] | undefined;
  readonly error?: IotError | undefined;
  /** Whether nothing came of it because the device was off, or nobody there. */
  readonly unreached?: boolean | undefined;
}

/** Pushes to one device and tells what happens on the way. Never throws: every failure is a delivery's `error`. */
export async function deliver(
  release: Deployable,
  target: Target,
  options: DeviceOptions & { detach?: boolean },
  context: Context,
  shelf?: Shelf,
): Promise<Delivery> {
  const { component, version, signers, claimed } = release;
  const { device } = target;
  const report = reporter(device, component, context);
  const { detach } = options;
  const { signal } = context;
  const artifacts = release.parts.map(({ artifact }) => artifact);
  const names = { device, actor: artifacts.length === 1 ? artifacts[0]?.slot : undefined };
  try {
    const attempt = (timeoutMs: number) =>
      withTarget(target, options, context, ({ client }) =>
        deploy({
          ...{ client, component, artifacts, version, signers, detach, timeoutMs, signal, shelf },
          onProgress: report.progress,
        }),
      );
    // A broker that has just listed the device is worth waiting for. What was left with it may have been taken.
    const outcome =
      target.listed === true && detach !== true
        ? await patiently(options.timeout, signal, attempt)
        : await attempt(options.timeout);
    const { deployment, sequence, end, status } = outcome;
    const error = outcome.error && withHint(outcome.error, names);
    const unbound = status?.unbound?.map((line) => `${line} --device ${device}`);
    return { device, component, outcome: end, deployment, sequence, version: claimed, unbound, error };
  } catch (thrown) {
    const error = withHint(asIotError(thrown), names);
    const unreached = NOBODY.has(error.code) || report.waits;
    return { device, component, outcome: 'unknown', error, ...(unreached ? { unreached } : {}) };
  } finally {
    report.end();
  }
}

/** Takes away what the deliveries have left with brokers and nobody waits for. A failure costs space there only. */
export async function tidy(
  shelf: Shelf,
  targets: readonly Target[],
  options: DeviceOptions,
  context: Context,
): Promise<void> {
  const seen = new Set<string | undefined>();
  for (const target of targets) {
    const broker = target.places[0]?.broker;
    if (!shelf.untidy || context.signal.aborted) return;
    if (seen.has(broker)) continue;
    seen.add(broker);
    await withTarget(target, options, context, ({ client }) => shelf.tidy(client.link)).catch(() => {});
  }
}

/** Errors that say nothing of the release, since no device has seen it. */
const NOBODY: ReadonlySet<ReasonCode> = new Set([...AWAY, 'E_INTERRUPTED']);

/** What a delivery says of the release. */
export function verdictOf({ error, unreached }: Delivery): Verdict {
  if (error === undefined) return 'ok';
  return unreached === true ? 'unreached' : 'failed';
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
    /** Whether the device is off and has not said a word of it. */
    get waits(): boolean {
      return last === 'offline';
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
