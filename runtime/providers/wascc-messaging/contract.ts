import { z } from 'zod';
import { Encoded } from '../../base/codec.js';
import {
  defineContract,
  type MaybePromise,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { covers, isReserved, overlaps } from '../../base/mqtt/topics.js';
import { Bytes, struct } from '../../base/wascc.js';
import { toFilter, toTopic } from './subjects.js';

/** Where answers to requests go: `_inbox/<device>/<random>/<random>`. No grant reaches there. */
export const INBOX = '_inbox';

/** Longest wait for an answer, in milliseconds; a longer `timeout` counts as this. */
export const MAX_TIMEOUT_MS = 60_000;

/** Subjects with wildcards, as text with commas or as a list; becomes topic filters. */
const Subjects = z
  .union([z.string().transform((text) => text.split(',')), z.array(z.string())])
  .transform((subjects, context) =>
    subjects
      .map((subject) => subject.trim())
      .filter((subject) => subject !== '')
      .map((subject) => {
        const filter = toFilter(subject);
        if (filter === undefined)
          context.addIssue({ code: 'custom', message: `"${subject}" is not a subject` });
        return filter ?? '';
      }),
  );

/** Whether a topic or filter touches what no grant gives: the host's own `iot/#`, the broker's `$…`, the inboxes. */
function isTaken(filter: string): boolean {
  return filter.startsWith('$') || isReserved(filter) || overlaps(filter, `${INBOX}/#`);
}

const Subscription = Subjects.superRefine((filters, context) => {
  const taken = filters.find(isTaken);
  if (taken === undefined) return;
  const message = `iot.>, ${INBOX}.> and what begins with $ are reserved, and ${taken} (as a topic filter) reaches there`;
  context.addIssue({ code: 'custom', message });
});

/**
 * `SUBSCRIPTION`: subjects that the actor gets, separated by commas. `PUBLISH`: subjects it may publish to and ask;
 * waSCC had no such bound, here nothing is granted by default. `QUEUEGROUP_NAME`: of all devices with the same name
 * one gets each message (needs a broker that speaks MQTT 5). The broker and its credentials are the provider's settings.
 */
const Grant = z.strictObject({
  SUBSCRIPTION: Subscription.default([]),
  PUBLISH: Subjects.default([]),
  QUEUEGROUP_NAME: z
    .string()
    .regex(/^[^/+#\s\0]{1,64}$/, 'a group name has no blanks, / + or #')
    .optional(),
});
export type Grant = z.infer<typeof Grant>;

const Subject = z
  .string()
  .refine(
    (subject) => toTopic(subject) !== undefined,
    'not a subject: tokens with dots between, no wildcards',
  );

/** What both directions carry. `replyTo`: `""` for none. */
export interface BrokerMessage {
  readonly subject: string;
  readonly replyTo: string;
  readonly body: Uint8Array;
}

const Message = struct(
  ['subject', 'replyTo', 'body'],
  z.object({
    subject: Subject,
    replyTo: z
      .union([z.literal(''), Subject])
      .nullish()
      .transform((subject) => subject ?? ''),
    body: Bytes,
  }),
);

/** waSCC's Rust actors write the message itself, generated ones put it under `message`. */
const Publish = z.preprocess((value) => {
  if (Array.isArray(value)) return value.length === 1 ? value[0] : value;
  const wrapped = typeof value === 'object' && value !== null && 'message' in value;
  return wrapped ? value.message : value;
}, Message);

const Request = z.object({
  subject: Subject,
  body: Bytes,
  timeout: z
    .int()
    .min(1)
    .transform((ms) => Math.min(ms, MAX_TIMEOUT_MS)),
});
export type Request = z.infer<typeof Request>;

/**
 * `wascc:messaging`: ← `DeliverMessage {message: {subject, replyTo, body}}`; the three members stand beside `message`
 * once more, where waSCC's Rust actors look for them, so a body counts twice towards the actor's `payloadBytes`.
 *
 * Delivery is at least once: a message is acknowledged to the broker only after the actor has handled it. Messages
 * are handled one at a time; while the actor is not running or its queue is full they wait; an actor that answers with an error
 * or traps has handled its message. Subscriptions come from the binding alone. `Publish` returns when the broker has
 * the message, or fails with E_PROVIDER after a bounded wait (the message may have got there nevertheless).
 * `Request` answers with the body of the first reply, as it stands, or fails with E_TIMEOUT; the actor's deadline
 * bounds the wait, whatever `timeout` says.
 * A reply address needs MQTT 5 (response topic): with a broker that speaks MQTT 3.1.1 only, `Request`, and `Publish`
 * with `replyTo`, fail with E_PROVIDER; messages are then delivered without one. An actor may publish to a reply
 * address under `_inbox.` that it was given and to no other; any other reply address must be in `PUBLISH`. What it
 * gives as its own `replyTo` must be in `SUBSCRIPTION` or `PUBLISH`.
 * Topics that are no subjects (a level that is empty, or has a dot or a blank) are not delivered; the log names them.
 */
export interface Messaging extends Provider<Grant> {
  publish(session: Session<Grant>, message: BrokerMessage): MaybePromise<void>;
  request(session: Session<Grant>, request: Request): MaybePromise<Uint8Array>;
}

/** Throws E_NOT_GRANTED. */
function check(granted: readonly string[], what: string, subject: string): void {
  const topic = toTopic(subject) ?? '';
  if (isTaken(topic)) {
    throw new IotError(
      'E_NOT_GRANTED',
      `${what} ${subject}: iot.>, ${INBOX}.> and what begins with $ are reserved`,
    );
  }
  if (granted.some((filter) => covers(filter, topic))) return;
  throw new IotError('E_NOT_GRANTED', `${what} ${subject} is not granted`, {
    hint: granted.length === 0 ? 'the binding has no PUBLISH' : `granted topics are ${granted.join(', ')}`,
  });
}

/** Whether the provider has to look who was given this address. */
export function isInbox(subject: string): boolean {
  return subject.startsWith(`${INBOX}.`);
}

export default defineContract<Messaging, Grant>({
  id: 'wascc:messaging',
  codec: 'msgpack',
  summary: 'messages and requests by subject, over an MQTT broker',
  grant: Grant,
  operations: {
    Publish: operation({
      request: Publish,
      authorize({ PUBLISH, SUBSCRIPTION }: Grant, { subject, replyTo }) {
        if (!isInbox(subject)) check(PUBLISH, 'publish', subject);
        if (replyTo !== '' && !isInbox(replyTo)) check([...SUBSCRIPTION, ...PUBLISH], 'reply to', replyTo);
      },
      perform: (provider: Messaging, session: Session<Grant>, message) => provider.publish(session, message),
    }),
    Request: operation({
      request: Request,
      fields: ['subject', 'body', 'timeout'],
      authorize: ({ PUBLISH }: Grant, { subject }) => check(PUBLISH, 'request', subject),
      perform: async (provider: Messaging, session: Session<Grant>, request) =>
        new Encoded(await provider.request(session, request)),
    }),
  },
  implementations: { mqtt: async () => (await import('./mqtt.js')).implementation },
  defaultImplementation: 'mqtt',
});
