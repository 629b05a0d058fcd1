import { IotError } from '../../base/errors.js';
import type { CheckedModule } from '../../host/update.js';
import type { Deployment, Part } from '../checks/checks.js';
import {
  type ComponentRecord,
  componentOf,
  type EndingRecord,
  type PendingRecord,
  type StateRecord,
} from '../storage/record.js';

/** Starts that a module on probation gets; a crash of the host while it runs uses up one. */
export const PROBATION_STARTS = 3;
/** Digests remembered as bad for one component; the oldest is forgotten. */
export const MAX_BLOCKED = 16;
/** The largest number that a manifest may have: nothing is newer. */
const MAX_SEQUENCE = Number.MAX_SAFE_INTEGER;
/** Writes of the record for one deployment; beyond, it goes round in circles. */
export const MAX_STORES = 32;

/** What happens to one component's record. Pure: each is written to disk before anything acts on it. */
export type Transition = (component: ComponentRecord) => ComponentRecord;

/** Applies `transition`, counting the write for `deployment`; unchanged when the transition changes nothing. */
export function apply(
  state: StateRecord,
  component: string,
  deployment: string,
  transition: Transition,
): StateRecord {
  const before = componentOf(state, component);
  const after = transition(before);
  if (after === before) return state;
  const stores = { deployment, count: storesOf(before, deployment) + 1 };
  return { ...state, components: { ...state.components, [component]: { ...after, stores } } };
}

/**
 * `after`, without what else is staged of releases that lost a slot to `deployment` since `before`: one of their
 * modules alone would never run.
 */
export function dropBroken(before: StateRecord, after: StateRecord, deployment?: string): StateRecord {
  const broken = new Set<string>();
  for (const [slot, { pending }] of Object.entries(before.components)) {
    if (pending === undefined || pending.deployment === deployment) continue;
    if (componentOf(after, slot).pending?.deployment !== pending.deployment) broken.add(pending.deployment);
  }
  if (broken.size === 0) return after;
  const whole = Object.entries(after.components).map(([slot, component]) => {
    const drop = component.pending !== undefined && broken.has(component.pending.deployment);
    return [slot, drop ? { ...component, pending: undefined } : component];
  });
  return { ...after, components: Object.fromEntries(whole) };
}

export function storesOf(component: ComponentRecord, deployment: string): number {
  return component.stores?.deployment === deployment ? component.stores.count : 0;
}

/** The module is on disk and has not run. */
export function stage(
  deployment: Deployment,
  part: Part,
  module: CheckedModule,
  dwellMs: number,
): Transition {
  const pending: PendingRecord = {
    digest: part.digest,
    size: part.size,
    sequence: deployment.sequence,
    deployment: deployment.deployment,
    key: module.key,
    name: module.name,
    version: module.version,
    capabilities: [...module.capabilities],
    callAlias: module.callAlias,
    phase: 'staged',
    left: PROBATION_STARTS,
    securityFloor: part.securityFloor,
    dwellMs,
    ...(deployment.timeUnverified || module.timeUnverified ? { timeUnverified: true } : {}),
    ...(deployment.parts.length === 1
      ? {}
      : {
          release: {
            name: deployment.component,
            parts: deployment.parts.length,
            index: deployment.parts.indexOf(part),
          },
        }),
  };
  return (component) => ({ ...component, pending, ending: undefined });
}

/** Spends one start of the pending module: written before it runs, so that a crash cannot be endless. */
export const spendStart: Transition = (component) => {
  const { pending } = component;
  if (pending === undefined) return component;
  return { ...component, pending: { ...pending, phase: 'probation', left: Math.max(0, pending.left - 1) } };
};

/** The pending module is kept. The floor rises here and nowhere else. Throws E_CANCELLED when it was taken back. */
export const commit: Transition = (component) => {
  const { pending } = component;
  if (pending === undefined) throw new IotError('E_CANCELLED', 'the module was taken back meanwhile');
  const { phase: _p, left: _l, securityFloor, dwellMs: _d, timeUnverified: _t, ...active } = pending;
  // The same bytes deployed again leave what was before them in its place.
  const previous = component.active?.digest === active.digest ? component.previous : component.active;
  const unfit =
    previous !== undefined &&
    (previous.sequence < (securityFloor ?? 0) || component.blocked.includes(previous.digest));
  return {
    ...component,
    active,
    previous: unfit ? undefined : previous,
    pending: undefined,
    ending: undefined,
    floor: Math.max(component.floor, active.sequence),
    floorDeployment: active.deployment,
  };
};

/**
 * The pending module was bad: its digest is blocked, so that another deployment cannot bring it back; not when it
 * is `excused`. This deployment is answered with its `ending` in any case.
 */
export function revert(ending: EndingRecord, excused = false): Transition {
  return (component) => {
    const digest = component.pending?.digest;
    // Bytes that run well as the active module failed for another reason than themselves.
    const add = !excused && digest !== undefined && digest !== component.active?.digest ? [digest] : [];
    const others = component.blocked.filter((blocked) => blocked !== digest);
    const blocked = add.length === 0 ? component.blocked : [...others, ...add].slice(-MAX_BLOCKED);
    return { ...component, pending: undefined, blocked, ending };
  };
}

/** An authentic deployment was refused; it is remembered so that it is not fetched again. */
export function refuse(ending: EndingRecord): Transition {
  return (component) => ({ ...component, pending: ownPending(component, ending.deployment), ending });
}

/** The deployment ended in a way that may be tried again: nothing of it stays. */
export function forget(deployment: string): Transition {
  return (component) =>
    component.pending?.deployment === deployment ? { ...component, pending: undefined } : component;
}

/** Refusals may be wrong now; what ran and was bad stays known. */
export const forgetRefusal: Transition = (component) =>
  component.ending?.state === 'rejected' ? { ...component, ending: undefined } : component;

/** The active module cannot be read any more. */
export const fallBack: Transition = (component) => ({
  ...component,
  active: component.previous,
  previous: undefined,
});

/** Whether what ran before the active module may run again. */
export function mayFallBack({ previous, blocked }: ComponentRecord): boolean {
  return previous !== undefined && !blocked.includes(previous.digest);
}

/**
 * The active module was kept and has crashed too often since: the one before runs again, and the digest of the
 * `guilty` one is blocked. The floor stays. Throws E_CANCELLED when the record has moved on.
 */
export function crashBack(ending: EndingRecord, guilty: boolean): Transition {
  return (component) => {
    const { active } = component;
    if (active?.deployment !== ending.deployment || !mayFallBack(component)) {
      throw new IotError('E_CANCELLED', 'the module was replaced meanwhile');
    }
    const others = component.blocked.filter((blocked) => blocked !== active.digest);
    const blocked = guilty ? [...others, active.digest].slice(-MAX_BLOCKED) : component.blocked;
    return { ...fallBack(component), blocked, ending };
  };
}

/** `transition`, and how the deployment that was active has ended by it. */
export function withEnding(transition: Transition, ending: EndingRecord): Transition {
  return (component) => ({ ...transition(component), ending });
}

/** Slots whose active modules came with that of `slot`, in one release. */
export function companions(state: StateRecord, slot: string): readonly string[] {
  const deployment = componentOf(state, slot).active?.deployment;
  return Object.entries(state.components)
    .filter(
      ([other, { active }]) => other !== slot && active?.deployment === deployment && active !== undefined,
    )
    .map(([other]) => other);
}

/** The slot was emptied on purpose: what it had may not come back under the same number. */
export const clear: Transition = (component) => ({
  floor: component.active === undefined ? component.floor : Math.min(component.floor + 1, MAX_SEQUENCE),
  // No number is left for something newer: nothing comes in before the trust document lets the slot start anew.
  ...(component.floor < MAX_SEQUENCE ? {} : { floorDeployment: '0'.repeat(64) }),
  blocked: component.blocked,
});

function ownPending(component: ComponentRecord, deployment: string): PendingRecord | undefined {
  return component.pending?.deployment === deployment ? undefined : component.pending;
}
