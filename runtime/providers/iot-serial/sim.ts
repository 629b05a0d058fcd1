import { z } from 'zod';
import type { Implementation } from '../../base/contract.js';
import { IotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { PortGrant, Serial } from './contract.js';
import type { OpenPort, PortEvents, SerialDriver } from './driver.js';
import { SerialProvider } from './provider.js';

interface Cable {
  plugged: boolean;
  events: PortEvents | undefined;
  paused: boolean;
  /** Sent by the other side while nobody read. */
  readonly waiting: Uint8Array[];
  readonly written: Uint8Array[];
}

/** Ports that exist in memory only, and the other end of their cables. */
class SimulatedDriver implements SerialDriver {
  readonly cables: Map<string, Cable>;

  constructor(readonly names: readonly string[]) {
    const cable = (): Cable => ({
      plugged: true,
      events: undefined,
      paused: false,
      waiting: [],
      written: [],
    });
    this.cables = new Map(names.map((name) => [name, cable()]));
  }

  async locate(name: string): Promise<string | undefined> {
    return this.cables.get(name)?.plugged === true ? name : undefined;
  }

  missing(): string {
    return 'it is not there';
  }

  async open(path: string, _settings: PortGrant, events: PortEvents): Promise<OpenPort> {
    const cable = this.cable(path);
    if (cable.events !== undefined) throw new IotError('E_BUSY', `${path} is in use by another program`);
    cable.events = events;
    cable.paused = false;
    return {
      async write(bytes) {
        if (cable.events !== events) throw new IotError('E_PROVIDER', `${path}: unplugged`);
        cable.written.push(Uint8Array.from(bytes));
      },
      async drain() {},
      pause: () => {
        cable.paused = true;
      },
      resume: () => {
        cable.paused = false;
        // Not from inside the call: a reader may pause again at once.
        queueMicrotask(() => this.flush(cable));
      },
      async close() {
        if (cable.events === events) cable.events = undefined;
      },
    };
  }

  cable(name: string): Cable {
    const cable = this.cables.get(name);
    if (cable !== undefined) return cable;
    throw new IotError('E_USAGE', `there is no simulated port ${name}`);
  }

  flush(cable: Cable): void {
    while (!cable.paused && cable.events !== undefined) {
      const bytes = cable.waiting.shift();
      if (bytes === undefined) return;
      cable.events.data(bytes);
    }
  }
}

/** Serial ports in memory: same rules as the real ones, and a hand at the other end. */
export class SimulatedSerial extends SerialProvider {
  readonly #driver: SimulatedDriver;

  constructor(names: readonly string[], logger: Logger) {
    const driver = new SimulatedDriver(names);
    super(driver, logger);
    this.#driver = driver;
  }

  /** The other side sends. */
  send(port: string, bytes: Uint8Array): void {
    const cable = this.#driver.cable(port);
    if (!cable.plugged) return;
    cable.waiting.push(Uint8Array.from(bytes));
    this.#driver.flush(cable);
  }

  /** What the other side has received since the last call. */
  received(port: string): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#driver.cable(port).written.splice(0)));
  }

  unplug(port: string): void {
    const cable = this.#driver.cable(port);
    const { events } = cable;
    cable.plugged = false;
    cable.events = undefined;
    cable.waiting.length = 0;
    events?.lost('unplugged');
  }

  plug(port: string): void {
    this.#driver.cable(port).plugged = true;
  }
}

const Settings = z.strictObject({
  /** Names of the ports beside the board's own. */
  ports: z.array(z.string()).default([]),
});

export const implementation: Implementation<Serial, z.infer<typeof Settings>> = {
  settings: Settings,
  create: ({ ports }, { board, logger }) =>
    new SimulatedSerial([...Object.keys(board.ports ?? {}), ...ports], logger),
};
