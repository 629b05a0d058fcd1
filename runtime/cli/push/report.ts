import { IotError } from '../../base/errors.js';
import type { RolloutReport, StopReason, Wave } from '../../control/client/rollout.js';
import type { Result } from '../result.js';
import type { Delivery } from './deliver.js';
import { devices } from './waves.js';

const NO_ACCESS = 'it has no access yet; to grant it:';
const LACKED_ACCESS = 'it lacked access; to grant it, before it is pushed again:';
/** Names in one line. */
const MAX_NAMES = 12;

/**
 * One line for a device, or one for each: what became of it, then the lines to type next. `targets` are the names of
 * all devices that were meant, in the order of `report.results`.
 */
export function deliveryResult(
  component: string,
  targets: readonly string[],
  report: RolloutReport<Delivery>,
): Result {
  const deliveries = targets.map(
    (device, at): Delivery => report.results[at] ?? { device, component, outcome: 'not-begun' },
  );
  const failed = deliveries.filter(({ error }) => error !== undefined);
  const [first] = deliveries;
  const single = deliveries.length === 1;
  const lines = single && failed.length > 0 ? [] : deliveries.map(deliveryLine);
  const binds = deliveries.flatMap(({ unbound }) => unbound ?? []);
  const { waves, stopped } = report;
  return {
    data: { devices: deliveries, waves, ...(stopped === undefined ? {} : { stopped }) },
    text: [
      ...lines,
      ...(binds.length === 0
        ? []
        : [failed.length === 0 ? NO_ACCESS : LACKED_ACCESS, ...binds.map((line) => `  ${line}`)]),
    ],
    failure: single ? first?.error : someFailed(deliveries, failed, report),
  };
}

function deliveryLine({ device, component, outcome, version, sequence, error }: Delivery): string {
  if (error !== undefined)
    return `${device}: ${outcome === 'unknown' ? 'no outcome' : outcome}: ${error.message}`;
  if (outcome === 'not-begun') return `${device}: not begun`;
  const which = `${component}${version === undefined ? '' : ` ${version}`} (sequence ${sequence})`;
  return outcome === 'left'
    ? `${device}: ${which} is left with the broker, the device will take it`
    : `${device}: ${which} is ${outcome}`;
}

function someFailed(
  deliveries: readonly Delivery[],
  failed: readonly Delivery[],
  { waves, stopped }: RolloutReport<Delivery>,
): IotError | undefined {
  const idle = deliveries.filter(({ outcome }) => outcome === 'not-begun');
  if (failed.length === 0 && idle.length === 0) return undefined;
  const summary = `${failed.length} of ${devices(deliveries.length)} failed${named(failed)}`;
  const untouched = idle.length === 0 ? '' : `; ${devices(idle.length)} not begun${named(idle)}`;
  const left = stopped === 'interrupted' || failed.some(({ error }) => error?.code === 'E_INTERRUPTED');
  return new IotError(
    left ? 'E_INTERRUPTED' : 'E_SOME_FAILED',
    `${whyStopped(waves, stopped)}${summary}${untouched}`,
    {
      hint: `iot-host ps --device ${(failed[0] ?? idle[0])?.device}`,
    },
  );
}

function whyStopped(waves: readonly Wave[], stopped: StopReason | undefined): string {
  const wave = waves.at(-1);
  if (stopped === undefined || wave === undefined) return '';
  const which = wave.of === 1 ? 'stopped' : `stopped in wave ${wave.number} of ${wave.of}`;
  return `${which}, ${STOP_TEXT[stopped]}: `;
}

const STOP_TEXT: Readonly<Record<StopReason, string>> = {
  failed: 'too many failed',
  unproven: 'nobody in it could show that it works',
  interrupted: 'interrupted',
};

function named(some: readonly Delivery[]): string {
  if (some.length === 0) return '';
  const names = some.slice(0, MAX_NAMES).map(({ device }) => device);
  const more = some.length > MAX_NAMES ? `, and ${some.length - MAX_NAMES} more` : '';
  return `: ${names.join(',')}${more}`;
}
