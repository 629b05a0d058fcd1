import { afterAll, beforeAll } from 'vitest';
import type { Board } from '#runtime/base/board.js';
import type { Provider } from '#runtime/base/contract.js';
import { silentLogger } from '#runtime/base/logger.js';
import { CharacterDeviceChip } from '#runtime/providers/iot-gpio/chardev/chip.js';
import type { GpioChip, OnEdge } from '#runtime/providers/iot-gpio/chip.js';
import type { Level, LineGrant, WatchOptions } from '#runtime/providers/iot-gpio/contract.js';
import { GpioProvider } from '#runtime/providers/iot-gpio/provider.js';
import { SimulatedChip } from '#runtime/providers/iot-gpio/sim.js';
import { recordingLogger, TEST_BOARD } from '../../helpers/providers.js';
import { type Passage, testGpioContract } from '../gpio.contract.js';

/** Two lines of a board that are joined by a wire. */
export interface Wire {
  readonly board: Board;
  /** The test's: the world outside. */
  readonly hand: string;
  /** The actor's. */
  readonly line: string;
}

/** What the actor's end of the wire is in the contract test: the rest of its board is simulated. */
export type Role = 'BUTTON' | 'LED';

/** A kernel's own time: a step is 20 ms, and nothing is expected closer than 15 steps to when it may happen. */
const ITS_OWN: Passage = {
  stepMs: 20,
  slack: 15,
  begin: () => undefined,
  end: () => undefined,
  pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
/** Milliseconds after which a level has come through the wire: copper needs none, a program that stands for it does. */
const SETTLE_MS = 15;

/** The simulated chip, of which one line is a pin. */
class WiredChip implements GpioChip {
  readonly sim = new SimulatedChip();
  readonly pin: CharacterDeviceChip;

  constructor(
    private readonly role: Role,
    private readonly wire: Wire,
  ) {
    this.pin = new CharacterDeviceChip(wire.board, 'iot-host test', silentLogger);
    this.pin.start();
  }

  claim(line: string, settings: LineGrant, level: Level, owner: string): void {
    if (line === this.role) this.pin.claim(this.wire.line, settings, level, owner);
    else this.sim.claim(line, settings, level);
  }
  release(line: string): void {
    if (line === this.role) this.pin.release(this.wire.line);
    else this.sim.release(line);
  }
  read(line: string): Level {
    return line === this.role ? this.pin.read(this.wire.line) : this.sim.read(line);
  }
  write(line: string, level: Level): void {
    if (line === this.role) this.pin.write(this.wire.line, level);
    else this.sim.write(line, level);
  }
  watch(line: string, options: WatchOptions, onEdge: OnEdge): void {
    if (line === this.role) this.pin.watch(this.wire.line, options, onEdge);
    else this.sim.watch(line, options, onEdge);
  }
  unwatch(line: string): void {
    if (line === this.role) this.pin.unwatch(this.wire.line);
    else this.sim.unwatch(line);
  }
  driveAlone(line: string, alone: boolean): void {
    if (line === this.role) this.pin.driveAlone(this.wire.line, alone);
  }
}

class WiredGpio extends GpioProvider<WiredChip> {
  get pins(): WiredChip {
    return this.chip;
  }
  override async stop(): Promise<void> {
    await super.stop();
    this.chip.pin.stop();
  }
}

/** The contract test with the far end of a wire as one of its lines. `wireIs` is asked when the tests begin. */
export function testGpioOverWire(role: Role, wireIs: () => Promise<Wire>, only?: RegExp): void {
  let wire: Wire;
  let hand: CharacterDeviceChip;
  const settle = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLE_MS);

  beforeAll(async () => {
    wire = await wireIs();
    hand = new CharacterDeviceChip(wire.board, 'the hand of a test', silentLogger);
    hand.start();
    const grant: LineGrant =
      role === 'BUTTON'
        ? { direction: 'out', safe: 1, drive: 'push-pull' }
        : { direction: 'in', bias: 'none', debounceMs: 0 };
    hand.claim(wire.hand, grant, 1, 'the hand');
  });
  afterAll(() => {
    hand.release(wire.hand);
    hand.stop();
  });

  testGpioContract(
    `over a wire to ${role}`,
    (logs) => {
      const gpio = new WiredGpio(new WiredChip(role, wire), TEST_BOARD, recordingLogger(logs));
      const press = (line: string, value: Level) => {
        if (line !== role) return gpio.pins.sim.drive(line, value);
        hand.write(wire.hand, value);
        settle();
      };
      press('BUTTON', 1);
      return {
        provider: gpio as Provider,
        press,
        level: (line) => {
          if (line !== role) return gpio.pins.sim.level(line);
          settle();
          return hand.read(wire.hand);
        },
      };
    },
    { time: ITS_OWN, bias: 'none', only },
  );
}
