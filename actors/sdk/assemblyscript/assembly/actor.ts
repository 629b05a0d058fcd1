import { endAnswer, failWith, fail, startAnswer } from './answer';
import { OPERATION_MAX, operationBuffer, PAYLOAD_MAX, payloadBuffer } from './buffers';
import { Bytes } from './bytes';
import { consoleLog, guestRequest } from './host';
import { panic } from './abort';
import { sealTexts, text } from './text';

/**
 * Handles one operation. The payload lies in a buffer of the SDK and is valid until the handler returns. Returns true
 * (after `reply` or `send`, or nothing for an empty reply) or what a `fail…` function returned.
 */
export type Handler = (payload: Bytes) => bool;

const HANDLERS_MAX = 32;
const names = new StaticArray<Bytes>(HANDLERS_MAX);
const handlers = new StaticArray<Handler>(HANDLERS_MAX);
let registered = 0;
const operation = new Bytes();
const payload = new Bytes();
const HEALTH = text('HealthRequest');

/** At top level: `on('Tick', onTick)`. `HealthRequest` is answered by the SDK unless it is registered. */
export function on(name: string, handler: Handler): void {
  if (registered == HANDLERS_MAX) panic('an actor may register 32 operations');
  unchecked((names[registered] = text(name)));
  unchecked((handlers[registered] = handler));
  registered++;
}

function dispatch(): bool {
  for (let i = 0; i < registered; i++) {
    if (unchecked(names[i]).equals(operation)) return unchecked(handlers[i])(payload);
  }
  if (operation.equals(HEALTH)) return true;
  return failWith('Could not find function "', operation, '"');
}

/** The waPC entry; an actor's entry file exports it again. */
export function __guest_call(operationSize: i32, payloadSize: i32): i32 {
  sealTexts();
  startAnswer();
  // The host copies without knowing where the buffers end: too much must be refused before it is fetched.
  if (<u32>operationSize > OPERATION_MAX) return fail("operation name does not fit into the actor's buffer") ? 1 : 0;
  if (<u32>payloadSize > PAYLOAD_MAX) return fail("payload does not fit into the actor's buffer") ? 1 : 0;
  guestRequest(operationBuffer, payloadBuffer);
  operation.set(operationBuffer, operationSize);
  payload.set(payloadBuffer, payloadSize);
  return endAnswer(dispatch()) ? 1 : 0;
}

/** A line for the host's log. */
export function log(line: Bytes): void {
  consoleLog(line.at, line.size);
}
