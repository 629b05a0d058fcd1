import { IotError } from '../../base/errors.js';
import type { Result } from '../result.js';
import type { Delivery } from './deliver.js';

const NO_ACCESS = 'it has no access yet; to grant it:';
const LACKED_ACCESS = 'it lacked access; to grant it, before it is pushed again:';

/** One line for a device, or one for each: what became of it, then the lines to type next. */
export function deliveryResult(deliveries: readonly Delivery[]): Result {
  const failed = deliveries.filter(({ error }) => error !== undefined);
  const [first] = deliveries;
  const single = deliveries.length === 1;
  const lines = single && failed.length > 0 ? [] : deliveries.map(deliveryLine);
  const binds = deliveries.flatMap(({ unbound }) => unbound ?? []);
  return {
    data: { devices: deliveries },
    text: [
      ...lines,
      ...(binds.length === 0
        ? []
        : [failed.length === 0 ? NO_ACCESS : LACKED_ACCESS, ...binds.map((line) => `  ${line}`)]),
    ],
    failure: single ? first?.error : someFailed(failed, deliveries.length),
  };
}

function deliveryLine({ device, component, outcome, version, sequence, error }: Delivery): string {
  if (error !== undefined)
    return `${device}: ${outcome === 'unknown' ? 'no outcome' : outcome}: ${error.message}`;
  const which = `${component}${version === undefined ? '' : ` ${version}`} (sequence ${sequence})`;
  return outcome === 'left'
    ? `${device}: ${which} is left with the broker, the device will take it`
    : `${device}: ${which} is ${outcome}`;
}

function someFailed(failed: readonly Delivery[], total: number): IotError | undefined {
  if (failed.length === 0) return undefined;
  const names = failed.map(({ device }) => device).join(',');
  return new IotError('E_SOME_FAILED', `${failed.length} of ${total} devices failed: ${names}`, {
    hint: `iot-host ps --device ${failed[0]?.device}`,
  });
}
