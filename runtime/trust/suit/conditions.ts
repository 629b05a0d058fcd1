import { IotError } from '../../base/errors.js';
import type { ReasonCode } from '../../base/reasons.js';
import { equalBytes } from '../cbor/bytes.js';
import { type ComponentId, componentText } from './component.js';
import { ACTOR_ABI, classId, deviceId, vendorId } from './identifiers.js';
import type { Condition } from './plan.js';
import { type Version, versionMatches } from './version.js';

/** What an update's conditions are tested against. */
export interface Target {
  readonly deviceName: string;
  /** Default `VENDOR_DOMAIN`. */
  readonly vendorDomain?: string | undefined;
  /** Without a board, an update that names a class is refused. */
  readonly board?: string | undefined;
  /** Interfaces this host offers to modules; default `[ACTOR_ABI]`. */
  readonly abis?: readonly string[] | undefined;
  /**
   * Unix seconds. With `trusted: false` it must be a time that has certainly passed (the time floor): then expiry
   * before it is still refused, and anything later is accepted as unverified. Default: nothing is known.
   */
  readonly now?: { readonly seconds: number; readonly trusted: boolean } | undefined;
  /** The installed version of a component; without one, an update that asks for a version is refused. */
  readonly installedVersion?: ((component: ComponentId) => Version | undefined) | undefined;
  /** Local consent to an update of that priority (lower is more urgent); default: a signed update is consent. */
  readonly authorise?: ((component: ComponentId, priority: number) => boolean) | undefined;
}

/**
 * Step 8. Throws E_WRONG_DEVICE (vendor, class, device, version), E_EXPIRED, E_UNAUTHORISED (no local consent).
 * `timeUnverified`: an expiry was written, and the clock could not be trusted to test it.
 */
export function checkConditions(
  conditions: readonly Condition[],
  target: Target,
): { readonly timeUnverified: boolean } {
  for (const condition of conditions) {
    const failure = test(condition, target);
    if (failure === undefined) continue;
    const [code, reason] = failure;
    throw new IotError(code, `component ${componentText(condition.component)} ${reason}`);
  }
  const timed = conditions.some((condition) => condition.name === 'useBefore');
  return { timeUnverified: timed && target.now?.trusted !== true };
}

function test(condition: Condition, target: Target): readonly [ReasonCode, string] | undefined {
  const { parameters, component } = condition;
  const vendor = vendorId(target.vendorDomain);
  switch (condition.name) {
    case 'vendor':
      return same(parameters.vendor, [vendor]) ? undefined : ['E_WRONG_DEVICE', 'is for another vendor'];
    case 'class':
      return same(parameters.class, classesOf(vendor, target))
        ? undefined
        : ['E_WRONG_DEVICE', `is not for board ${target.board ?? '(none is configured)'}`];
    case 'device':
      return same(parameters.device, [deviceId(vendor, target.deviceName)])
        ? undefined
        : ['E_WRONG_DEVICE', `is not for device ${target.deviceName}`];
    case 'useBefore': {
      const limit = parameters.useBefore ?? 0;
      const now = target.now?.seconds ?? Number.NEGATIVE_INFINITY;
      return now < limit ? undefined : ['E_EXPIRED', `had to be used before ${iso(limit)}`];
    }
    case 'version': {
      const [comparison, wanted] = parameters.version ?? ['==', []];
      const actual = target.installedVersion?.(component);
      return actual !== undefined && versionMatches(actual, comparison, wanted)
        ? undefined
        : ['E_WRONG_DEVICE', `needs an installed version ${comparison} ${wanted.join('.')}`];
    }
    case 'updateAuthorized':
      return (target.authorise?.(component, parameters.priority ?? 0) ?? true)
        ? undefined
        : ['E_UNAUTHORISED', 'was not agreed to on this device'];
  }
}

function same(wanted: Uint8Array | undefined, own: readonly Uint8Array[]): boolean {
  return wanted !== undefined && own.some((id) => equalBytes(id, wanted));
}

function classesOf(vendor: Uint8Array, target: Target): readonly Uint8Array[] {
  const { board } = target;
  if (board === undefined) return [];
  return (target.abis ?? [ACTOR_ABI]).map((abi) => classId(vendor, board, abi));
}

/** Dates beyond the year 275760 have no text. */
function iso(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s after 1970` : date.toISOString();
}
