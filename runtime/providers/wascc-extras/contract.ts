import { z } from 'zod';
import {
  defineContract,
  type MaybePromise,
  operation,
  type Provider,
  type Session,
} from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import { answer, GeneratorRequest, type Range } from './generator.js';

/** A binding has nothing to say: an actor that has one may ask. */
const Grant = z.strictObject({});
export type Grant = z.infer<typeof Grant>;

/**
 * `wascc:extras`: what a module cannot make by itself. The operation says what is asked for; the flags in the request
 * are ignored. `{guid, sequence, random, min, max}` → `{guid, sequenceNumber, randomNumber}`, with nil or 0 for what
 * was not asked; the form of early 2020, `{typ}` → `{value}`, is answered in its own form.
 */
export interface Extras extends Provider<Grant> {
  /** A random UUID (RFC 9562, version 4), in lower case. */
  guid(): string;
  /** A whole number, `min` included and `max` not, each as likely as the others. */
  random(min: number, max: number): number;
  /** 0, 1, 2, … for this binding of this actor; also across a swap of the actor, not across a restart of the host. */
  sequence(session: Session<Grant>): MaybePromise<number>;
}

function check(range: Range | undefined): Range {
  if (range === undefined)
    throw new IotError('E_PAYLOAD', 'wascc:extras RequestRandom: min and max are missing');
  const { min, max } = range;
  if (min < max) return range;
  throw new IotError('E_PAYLOAD', `wascc:extras RequestRandom: nothing lies between ${min} and ${max}`, {
    hint: 'max is not among the results, so it must be greater than min',
  });
}

export default defineContract<Extras, Grant>({
  id: 'wascc:extras',
  codec: 'msgpack',
  summary: 'unique ids, random and sequence numbers',
  grant: Grant,
  operations: {
    RequestGuid: operation({
      request: GeneratorRequest,
      authorize() {},
      perform: (provider: Extras, _session: Session<Grant>, { form }) =>
        answer(form, 'guid', provider.guid()),
    }),
    RequestRandom: operation({
      request: GeneratorRequest,
      authorize() {},
      perform(provider: Extras, _session: Session<Grant>, { form, range }) {
        const { min, max } = check(range);
        return answer(form, 'random', provider.random(min, max));
      },
    }),
    RequestSequence: operation({
      request: GeneratorRequest,
      authorize() {},
      async perform(provider: Extras, session: Session<Grant>, { form }) {
        return answer(form, 'sequence', await provider.sequence(session));
      },
    }),
  },
  implementations: { host: async () => (await import('./host.js')).implementation },
  defaultImplementation: 'host',
});
