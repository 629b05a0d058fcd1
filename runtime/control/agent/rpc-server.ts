import type { z } from 'zod';
import { checkShape } from '../../base/config/shape.js';
import { asIotError, IotError } from '../../base/errors.js';
import { type Logger, silentLogger } from '../../base/logger.js';
import type { PlainValue } from '../../trust/cbor/value.js';
import type { TrustDocument } from '../../trust/document/document.js';
import { encodeReply } from '../../trust/rpc/reply.js';
import { MAX_REQUEST_BYTES, type VerifiedRequest, verifyRequest } from '../../trust/rpc/request.js';
import type { BrokerLink, Message, Subscription } from '../mqtt/link.js';
import { isRpcOperation, RPC_ARGUMENTS } from '../protocol/arguments.js';
import type { RpcHandlers, RpcOperation } from '../protocol/messages.js';
import { level, topics } from '../protocol/topics.js';
import { ReplayWindow } from './replay.js';
import { isUnsigned, readUnsigned } from './unsigned.js';

/** Requests that are worked on at the same time. */
const MAX_CONCURRENT = 16;
/** The same for requests that nobody signed: they must not keep the others out. */
const MAX_UNSIGNED = 4;
/** Counter of a reply to what could not be read or was not signed by anybody known. */
export const UNREAD = 0;

export interface RpcServerOptions {
  readonly device: string;
  readonly session: number;
  /** The document in force; without one every request is refused, for the reason that this throws, if it does. */
  readonly trust: () => TrustDocument | undefined;
  readonly handlers: RpcHandlers;
  /** Whether reading is answered unsigned too. Default false; what changes something never is. */
  readonly openReading?: boolean | undefined;
  readonly logger?: Logger;
}

type Answer = { result: unknown } | { error: IotError };

/** Answers signed requests on `rpc/<client>/request`: the signature decides, not who may use the broker. */
export class RpcServer {
  private readonly used = new ReplayWindow();
  private readonly logger: Logger;
  private subscription: Subscription | undefined;
  private working = 0;
  private unsigned = 0;

  constructor(
    private readonly link: BrokerLink,
    private readonly options: RpcServerOptions,
  ) {
    this.logger = options.logger ?? silentLogger;
  }

  async start(): Promise<void> {
    const filter = topics.request(this.options.device, '+');
    this.subscription = await this.link.subscribe(filter, (message) => {
      this.receive(message).catch((thrown: unknown) => this.logger.debug(asIotError(thrown).message));
    });
  }

  async stop(): Promise<void> {
    await this.subscription?.close();
  }

  private async receive({ topic, payload, retained }: Message): Promise<void> {
    const client = level(topic, 3);
    // A retained request is nobody's: it would be played again at every start.
    if (retained || payload.length === 0) return;
    if (isUnsigned(payload)) return this.receiveUnsigned(client, payload);
    let request: VerifiedRequest;
    try {
      request = this.verify(payload);
    } catch (thrown) {
      await this.refuse(client, asIotError(thrown));
      return;
    }
    // The broker may deliver twice what it got once: the first one is answered, the second has no effect at all.
    if (!this.used.take(request.kid, request.counter)) {
      this.logger.warn(`request ${request.counter} of client ${client} was seen before`, {
        code: 'E_REPLAY',
      });
      return;
    }
    await this.reply(client, request.counter, await this.answer(request));
  }

  private async receiveUnsigned(client: string, payload: Uint8Array): Promise<void> {
    let request: ReturnType<typeof readUnsigned>;
    try {
      request = readUnsigned(payload, this.options);
      if (this.unsigned >= MAX_UNSIGNED) throw this.tooMany(MAX_UNSIGNED);
    } catch (thrown) {
      await this.refuse(client, asIotError(thrown));
      return;
    }
    this.unsigned++;
    const answer = await this.answer(request).finally(() => this.unsigned--);
    await this.reply(client, request.counter, answer);
  }

  private async refuse(client: string, error: IotError): Promise<void> {
    this.logger.warn(`request of client ${client} refused: ${error.message}`, { code: error.code });
    await this.reply(client, UNREAD, { error });
  }

  private tooMany(limit: number): IotError {
    const text = `device ${this.options.device} works on ${limit} requests already`;
    return new IotError('E_QUEUE_FULL', text, { hint: 'try again in a moment' });
  }

  private verify(payload: Uint8Array): VerifiedRequest {
    const { device, session } = this.options;
    const trust = this.options.trust();
    if (trust === undefined) {
      throw new IotError('E_NO_TRUST', `device ${device} has no trust document, so it takes no requests`, {
        hint: 'iot-host keys trust, on the device',
      });
    }
    const lastCounter = (kid: string): number | undefined => this.used.floor(kid);
    return verifyRequest(payload, trust, { device, session, lastCounter });
  }

  private async answer(request: Pick<VerifiedRequest, 'operation' | 'args'>): Promise<Answer> {
    if (this.working >= MAX_CONCURRENT) return { error: this.tooMany(MAX_CONCURRENT) };
    this.working++;
    try {
      return { result: await this.dispatch(request) };
    } catch (thrown) {
      return { error: asIotError(thrown) };
    } finally {
      this.working--;
    }
  }

  private dispatch({ operation, args }: Pick<VerifiedRequest, 'operation' | 'args'>): Promise<unknown> {
    if (!isRpcOperation(operation)) {
      throw new IotError('E_OPERATION', `device ${this.options.device} has no operation "${operation}"`, {
        hint: `it knows: ${Object.keys(RPC_ARGUMENTS).join(', ')}`,
      });
    }
    const schema: z.ZodType = RPC_ARGUMENTS[operation];
    const checked = checkShape(schema, args, { code: 'E_PAYLOAD', context: operation });
    const handler = this.options.handlers[operation] as RpcHandlers[RpcOperation];
    return handler(checked as never);
  }

  private async reply(client: string, counter: number, answer: Answer): Promise<void> {
    await this.link.publish(topics.response(this.options.device, client), encode(counter, answer));
  }
}

function encode(counter: number, answer: Answer): Uint8Array {
  if ('error' in answer) return encodeReply({ counter, error: answer.error });
  try {
    const bytes = encodeReply({ counter, result: (answer.result ?? null) as PlainValue });
    if (bytes.length <= MAX_REQUEST_BYTES) return bytes;
    const text = `reply of ${bytes.length} bytes exceeds ${MAX_REQUEST_BYTES}`;
    return encodeReply({ counter, error: new IotError('E_TOO_LARGE', text) });
  } catch (thrown) {
    return encodeReply({ counter, error: asIotError(thrown) });
  }
}
