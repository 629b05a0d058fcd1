import { asIotError } from '../../base/errors.js';
import type { Deployment } from '../checks/checks.js';
import { deploymentId } from '../checks/deployment-id.js';
import { sha256Hex } from '../storage/blobs.js';
import type { Answers } from './answers.js';
import { type Context, knownOf, viewOf } from './context.js';
import type { Schedule } from './schedule.js';

/** Where desired messages come in: what is known is answered, the rest is judged, and run if it passes. */
export class Inbox {
  constructor(
    private readonly context: Context,
    private readonly answers: Answers,
    private readonly schedule: Schedule,
  ) {}

  /** One message of `ota/desired/<component>`, new or seen before. */
  desired(component: string, envelope: Uint8Array): void {
    const { context, answers, schedule } = this;
    const deployment = deploymentId(envelope);
    if (schedule.has(deployment)) return;
    const message = sha256Hex(envelope);
    if (answers.repeat(component, deployment, message)) return;
    context.reporter.status({ component, deployment, state: 'received' }, viewOf(context, component));
    const judge = () => {
      const known = knownOf(context);
      return { ...context.checks.envelope(component, envelope, known), now: known.now };
    };
    let wanted: Deployment;
    try {
      wanted = judge();
    } catch (thrown) {
      answers.refuse({ component, deployment, message }, asIotError(thrown));
      return;
    }
    if (wanted.timeUnverified) {
      const text = `update of ${component}: time-unverified, no trusted clock says whether it has expired`;
      context.log.warn(text, { component, deployment });
    }
    schedule.add({ wanted, message, judge });
  }
}
