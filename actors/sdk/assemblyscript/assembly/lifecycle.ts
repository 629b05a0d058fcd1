import { failPayload } from './answer';
import { Bytes } from './bytes';
import { CborReader } from './cbor';
import { text } from './text';

const REASON = text('reason');
const reader = new CborReader();
const key = new Bytes();

/**
 * Sent once after this module became the active one: here timers, subscriptions and watches are registered (start
 * functions run beside the old module and may not call the host). Registering an id again replaces it.
 */
export class Start {
  /** start, swap, restart or revert. */
  reason: Bytes = new Bytes();

  /** False: the call has been answered with an error. */
  read(payload: Bytes): bool {
    reader.open(payload);
    this.reason.set(0, 0);
    for (let pairs = reader.map(); pairs > 0 && !reader.problem; pairs--) {
      reader.text(key);
      if (key.equals(REASON)) reader.text(this.reason);
      else reader.skip();
    }
    return reader.finish() || failPayload('Start payload', reader.problem);
  }
}
