import { connectAsync } from 'mqtt';
import { DeviceClient, decodePayload, push } from '../../runtime/index.js';
import { BLINK } from './acts.js';
import type { Narrator } from './narrator.js';
import { RemoteDevice } from './remote-device.js';
import type { Stage } from './stage.js';

const NAME = 'pi-02';
/** Filling of the module: enough chunks for a cut to fall between them. */
const FILLING_BYTES = 2_000_000;
/** Part of the module after which the plug is pulled. */
const CUT_AT = 0.5;

/** All in bytes, as they went over MQTT. */
export interface ResumeResult {
  /** Size of the module. */
  bytes: number;
  /** What had been sent when the plug was pulled. */
  sentBefore: number;
  /** What was sent afterwards. */
  sentAfter: number;
  /** What was sent more than once. */
  sentAgain: number;
  /** How the push ended. */
  end: string;
}

/** The power of a device fails in the middle of a push; it comes back and goes on from where it was. */
export async function resumePush(stage: Stage, narrator: Narrator): Promise<ResumeResult> {
  narrator.title(`6. Pull the plug of ${NAME} in the middle of a push`);
  const url = stage.device.urls.broker ?? '';
  const remote = await RemoteDevice.make({
    ...{ name: NAME, folder: stage.path(NAME), broker: url, trust: stage.path('trust') },
  });
  const wire = await Wire.connect(url, NAME);
  const client = await DeviceClient.connect({ url, device: NAME, signer: stage.keys.control });
  try {
    await remote.on();
    const module = await stage.keys.sign('blink-v2', 'blink', 1, BLINK, FILLING_BYTES);
    const half = wire.carried(module.length * CUT_AT);
    const outcome = push({ client, module, component: 'blink', signers: [stage.keys.release] });
    await Promise.race([half, outcome]);
    await remote.cut();
    const sentBefore = wire.bytes;
    narrator.good(`plug pulled (SIGKILL) after ${kilobytes(sentBefore)} of ${kilobytes(module.length)}`);
    await remote.on();
    const { end, error } = await outcome;
    if (end !== 'active') throw error ?? new Error(`the push ended ${end}`);
    const sentAfter = wire.bytes - sentBefore;
    const { sentAgain } = wire;
    narrator.good(
      `back: ${kilobytes(sentAfter)} were still to be sent, ${kilobytes(sentAgain)} of them again`,
    );
    narrator.good(`blink 1.0.0 is ${end} on ${NAME}`);
    return { bytes: module.length, sentBefore, sentAfter, sentAgain, end };
  } finally {
    await client.close();
    await wire.close();
    await remote.cut();
  }
}

/** Listens to the chunks that are sent to a device, and counts them. */
class Wire {
  /** Bytes of modules that were sent so far. */
  bytes = 0;
  /** Those that had been sent before. */
  sentAgain = 0;
  readonly #seen = new Set<string>();
  #waiting: { bytes: number; resolve: () => void } | undefined;

  private constructor(readonly close: () => Promise<void>) {}

  static async connect(url: string, device: string): Promise<Wire> {
    const client = await connectAsync(url);
    const wire = new Wire(() => client.endAsync(true));
    client.on('message', (_topic, payload) => wire.#count(payload));
    await client.subscribeAsync(`iot/${device}/ota/data`);
    return wire;
  }

  /** Resolves when so much has been sent. */
  carried(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { bytes, resolve };
    });
  }

  #count(message: Uint8Array): void {
    const [deployment, offset, { length }] = decodePayload('cbor', message) as [
      Uint8Array,
      number,
      Uint8Array,
    ];
    const chunk = `${Buffer.from(deployment).toString('hex')} ${offset}`;
    this.bytes += length;
    if (this.#seen.has(chunk)) this.sentAgain += length;
    this.#seen.add(chunk);
    if (this.#waiting !== undefined && this.bytes >= this.#waiting.bytes) this.#waiting.resolve();
  }
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1_000).toLocaleString('en')} kB`;
}
