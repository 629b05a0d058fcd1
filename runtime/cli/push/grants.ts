import type { ActorStatus } from '../../control/protocol/messages.js';

/**
 * What the new module may use there, against the one that it replaces. Effective is what is claimed and bound; the
 * device cuts it further to what its trust document lets the release key grant.
 */
export interface GrantDiff {
  /** Claimed and bound: what it can use as soon as it runs. */
  readonly effective: readonly string[];
  /** Claimed, and not bound yet. */
  readonly unbound: readonly string[];
  /** Claimed by it and not by the one before it; `undefined` when there is none, or it does not say. */
  readonly more: readonly string[] | undefined;
  /** Claimed by the one before it only. */
  readonly fewer: readonly string[] | undefined;
}

/** `actor`: what is in the slot, `undefined` for a new one. */
export function grantDiff(claimed: readonly string[], actor: ActorStatus | undefined): GrantDiff {
  const bound = new Set(actor?.bindings.map(({ contract }) => contract));
  const before = actor?.key === undefined ? undefined : actor.capabilities;
  return {
    effective: claimed.filter((contract) => bound.has(contract)),
    unbound: claimed.filter((contract) => !bound.has(contract)),
    more: before === undefined ? undefined : claimed.filter((contract) => !before.includes(contract)),
    fewer: before?.filter((contract) => !claimed.includes(contract)),
  };
}

export function grantLines(
  slot: string,
  device: string,
  { effective, unbound, more, fewer }: GrantDiff,
): string[] {
  const gained = more?.filter((contract) => effective.includes(contract)) ?? [];
  return [
    `  may use: ${effective.length === 0 ? 'nothing' : effective.join(', ')}`,
    ...gained.map((contract) => `  + ${contract}: asked for now and bound already, it has access at once`),
    ...(more ?? [])
      .filter((contract) => unbound.includes(contract))
      .map((contract) => `  + ${contract}: asked for now`),
    ...(fewer ?? []).map((contract) => `  - ${contract}: not asked for any more`),
    ...(more !== undefined && more.length > 0
      ? ['  ! it asks for more than the one before it: refused where the release key may not grow']
      : []),
    ...unbound.map((contract) => `  needs: iot-host bind ${slot} ${contract} --device ${device}`),
  ];
}
