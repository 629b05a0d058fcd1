import { IotError } from '../../base/errors.js';
import type { BrokerLink, Message, Subscription } from '../mqtt/link.js';
import { FINAL_STATES, type UpdateStatus } from '../protocol/messages.js';
import { parseStatus } from '../protocol/parse.js';
import { topics } from '../protocol/topics.js';
import { type Desired, readDesired } from './desired.js';

/** Milliseconds that a device gets to speak of a deployment that was replaced before it mentioned it. */
const LAST_WORD_MS = 3_000;
/** The same for a device that is off, in case it is just coming back. */
const LAST_WORD_OFFLINE_MS = 500;
/** Milliseconds after a reconnect in which the broker shows whether it still has the desired state. */
const RECALL_MS = 500;
/** Times that a desired state is put back when another one that must not win has taken its place. */
const MAX_REASSERTIONS = 5;

export interface WatchedDeployment {
  readonly device: string;
  readonly component: string;
  readonly deployment: string;
  readonly sequence: number;
  readonly envelope: Uint8Array;
}

/** What became of it: the device's final status, or that it never came to that. */
export type WatchEnd =
  | { readonly status: UpdateStatus }
  | { readonly end: 'rejected' | 'cancelled'; readonly error: IotError };

/**
 * Follows one deployment on `ota/state` and `ota/desired`. Of several senders the highest sequence number wins: who
 * sees a lower one, or none after the broker forgot it, says its own again; who sees a higher one gives way.
 */
export class DeploymentWatch {
  /** The device's latest word on this deployment. */
  latest: UpdateStatus | undefined;
  readonly ended: Promise<WatchEnd>;
  private settle: (end: WatchEnd) => void = () => {};
  private armed = false;
  private over = false;
  /** Whether the broker has taken the desired state. */
  private announced = false;
  /** Connection in which something desired was heard last. */
  private heardIn = 0;
  /** Whether the device's last word on the component was about this deployment. */
  private mentioned = false;
  private reassertions = 0;
  private doom: NodeJS.Timeout | undefined;
  private recall: NodeJS.Timeout | undefined;
  private subscriptions: Subscription[] = [];
  private stopListening: (() => void) | undefined;

  constructor(
    private readonly link: BrokerLink,
    private readonly own: WatchedDeployment,
    private readonly onStatus: (status: UpdateStatus) => void,
    /** Says the desired state again, and what else the broker may have forgotten. */
    private readonly restore: () => Promise<void>,
    private readonly isOnline: () => boolean,
  ) {
    this.ended = new Promise((resolve) => {
      this.settle = (end) => {
        this.over = true;
        this.clearDoom();
        resolve(end);
      };
    });
  }

  async start(): Promise<void> {
    const { device, component } = this.own;
    this.subscriptions = [
      await this.link.subscribe(topics.state(device, component), (message) => this.hearState(message)),
      await this.link.subscribe(topics.desired(device, component), (message) => this.hearDesired(message)),
    ];
    this.stopListening = this.link.onConnect(() => {
      clearTimeout(this.recall);
      this.recall = setTimeout(() => {
        if (this.heardIn !== this.link.connection) this.reassert();
      }, RECALL_MS);
    });
  }

  /** Publishes with `announce`. From then on what is heard counts: what came before was about other deployments. */
  async arm(announce: () => Promise<void>): Promise<void> {
    this.armed = true;
    await announce();
    this.announced = true;
  }

  async stop(): Promise<void> {
    this.over = true;
    this.clearDoom();
    clearTimeout(this.recall);
    this.stopListening?.();
    for (const subscription of this.subscriptions) await subscription.close();
  }

  private hearState({ payload, retained }: Message): void {
    const status = parseStatus(payload);
    if (!this.armed || this.over || status === undefined) return;
    // How the very same deployment ended the last time it was tried.
    if (retained && !this.announced) return;
    if (status.deployment === this.own.deployment) {
      this.mentioned = true;
      this.latest = status;
      this.onStatus(status);
      if (FINAL_STATES.includes(status.state)) this.settle({ status });
      return;
    }
    if ((status.sequence ?? 0) <= this.own.sequence) return;
    this.mentioned = false;
    if (status.state === 'rejected') {
      // It only looked higher: the device would not have it.
      this.clearDoom();
      this.reassert();
    } else this.giveWay('superseded', status.sequence);
  }

  private hearDesired({ payload }: Message): void {
    this.heardIn = this.link.connection;
    if (!this.armed || this.over) return;
    if (Buffer.compare(payload, this.own.envelope) === 0) {
      this.clearDoom();
      return;
    }
    const other = payload.length === 0 ? undefined : readDesired(payload);
    if (payload.length === 0) this.giveWay('cancelled');
    else if (other === undefined || this.outranks(other)) this.reassert();
    else this.giveWay('superseded', other.sequence);
  }

  /** The higher sequence number wins; of two that are equal any rule does that both sides share. */
  private outranks(other: Desired): boolean {
    const { sequence, deployment } = this.own;
    return sequence === other.sequence ? deployment > other.deployment : sequence > other.sequence;
  }

  /** The device has the last word if it has begun; otherwise it is not waited for long. */
  private giveWay(how: 'superseded' | 'cancelled', sequence?: number): void {
    if (this.doom !== undefined) return;
    const { device, component, sequence: own } = this.own;
    this.doom = setTimeout(
      () => {
        this.doom = undefined;
        if (this.over || this.mentioned) return;
        const about = `device ${device}, ${component}`;
        if (how === 'cancelled') {
          const error = new IotError(
            'E_CANCELLED',
            `${about}: the update was cancelled before the device took it`,
          );
          this.settle({ end: 'cancelled', error });
          return;
        }
        const text = `${about}: a push with sequence number ${sequence} came in place of this one with ${own}`;
        this.settle({ end: 'rejected', error: new IotError('E_SUPERSEDED', text) });
      },
      this.isOnline() ? LAST_WORD_MS : LAST_WORD_OFFLINE_MS,
    );
  }

  private clearDoom(): void {
    clearTimeout(this.doom);
    this.doom = undefined;
  }

  private reassert(): void {
    if (!this.armed || this.over || this.reassertions >= MAX_REASSERTIONS) return;
    this.reassertions++;
    this.restore().catch(() => {});
  }
}
