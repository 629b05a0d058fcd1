import type { Deliver, Session } from '../../base/contract.js';
import { Registrations } from '../../base/sessions.js';
import type { Grant, Level, LineGrant, WatchOptions } from './contract.js';

export interface Pulse {
  readonly timeout: NodeJS.Timeout;
  /** `performance.now()` at its end. */
  readonly end: number;
}

export interface Watch extends WatchOptions {
  /** Edges told so far, those that were missed included. */
  seq: number;
  /** The chip tells edges to it: not so while its line is given back and taken again. */
  on: boolean;
}

/** What one session holds. */
export interface Holder {
  session: Session<Grant>;
  deliver: Deliver;
  readonly lines: Map<string, LineGrant>;
  readonly watches: Registrations<Watch>;
  readonly pulses: Map<string, Pulse>;
  /** Nobody is in charge of the lines. */
  down: boolean;
}

export function newHolder(session: Session<Grant>, deliver: Deliver): Holder {
  return {
    ...{ session, deliver, lines: new Map(), watches: new Registrations<Watch>(), pulses: new Map() },
    down: false,
  };
}

export function outputs({ lines }: Holder): string[] {
  return [...lines].filter(([, { direction }]) => direction === 'out').map(([line]) => line);
}

export function safeLevel(settings: LineGrant | undefined): Level {
  return settings?.direction === 'out' ? settings.safe : 0;
}
