import type { Deliver, Session } from '../../base/contract.js';
import { counted } from '../../base/counted.js';
import type { Logger } from '../../base/logger.js';
import { Registrations, sessionName } from '../../base/sessions.js';
import type { Grant } from './contract.js';
import type { Link } from './link.js';
import { Outbox } from './outbox.js';
import type { ActorScan } from './scans.js';
import type { Clock } from './timing.js';

/** Key of the one scan among a session's registrations. */
export const SCAN = '';

/** What one session holds. */
export interface Holder {
  session: Session<Grant>;
  readonly outbox: Outbox;
  readonly links: Registrations<Link>;
  readonly scan: Registrations<ActorScan>;
}

export function newHolder(session: Session<Grant>, deliver: Deliver, clock: Clock, logger: Logger): Holder {
  const who = sessionName(session);
  const outbox = new Outbox(deliver, clock, {
    dropped: (notifications, adverts) =>
      logger.warn(
        `${who} cannot keep up: ${counted(notifications, 'notification')} and advertisements of ${counted(adverts, 'peripheral')} dropped`,
      ),
    failed: (operation, why) => logger.debug(`${operation} for ${who}: ${why}`),
  });
  return { session, outbox, links: new Registrations<Link>(), scan: new Registrations<ActorScan>() };
}
