import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { libc } from '../../../runtime/base/linux/libc.js';
import { Chip } from '../../../runtime/providers/iot-gpio/chardev/chips.js';
import { Line } from '../../../runtime/providers/iot-gpio/chardev/line.js';
import { FLAG, IOCTL, lineValues } from '../../../runtime/providers/iot-gpio/chardev/uapi.js';
import { SimChip } from '../../lab/sim-chip.js';
import { BenchDevice } from '../device.js';
import { type Row, scaled } from '../figure.js';
import { alternate, median } from '../rounds.js';
import { Subject } from '../subject.js';
import { Witness } from './witness.js';

/** As on a Raspberry Pi 4: for the host this kernel is one. */
const LABEL = 'pinctrl-bcm2711';
const BOARD = 'raspberry-pi-4';
const [OUTPUT, INPUT, SPARE] = [17, 22, 27];
const WRITES_A_CALL = 1_000;
const bindings = [
  {
    contract: 'iot:gpio',
    lines: { GPIO17: { direction: 'out' }, GPIO22: { direction: 'in', edge: 'both' } },
  },
];
const device = { board: BOARD, actors: [{ name: 'pins', file: '../bench/pins', bindings }] };

async function writes(chip: SimChip, scale: number): Promise<Row> {
  const calls = scaled(20, scale, 2);
  const bench = await BenchDevice.start(device);
  const system = libc();
  const open = Chip.open(LABEL, system);
  const line = new Line(open, 'spare', SPARE, 'bench', { flags: FLAG.output, level: 0 }, system);
  try {
    const payload = new Uint8Array(WRITES_A_CALL);
    const ours = async () => {
      const began = performance.now();
      for (let call = 0; call < calls; call++) await bench.device.host.call('pins', 'Write', payload);
      if (chip.level(OUTPUT) !== 1) throw new Error('the actor did not drive its line');
      return (calls * WRITES_A_CALL * 1_000) / (performance.now() - began);
    };
    const reference = () => {
      const began = performance.now();
      for (let write = 0; write < calls * WRITES_A_CALL; write++) {
        system.ioctl(line.fd, IOCTL.setValues, lineValues((write & 1) as 0 | 1));
      }
      return (calls * WRITES_A_CALL * 1_000) / (performance.now() - began);
    };
    await ours();
    reference();
    const what = `an actor sets a line, ${WRITES_A_CALL} times a message`;
    return { what, unit: 'writes/s', better: 'higher', ...(await alternate(ours, reference)) };
  } finally {
    line.close();
    open.close();
    await bench.stop();
  }
}

/** Median time from a press until the output was driven, in µs: each program has lines of its own, and its turn. */
async function latencies(chip: SimChip, scale: number): Promise<Row[]> {
  const presses = scaled(200, scale, 20);
  const ours = await Follower.start(chip, 'device', device, INPUT, OUTPUT);
  const followers = [ours];
  const plain = async (input: number, output: number, eventLoop: boolean) => {
    const options = { chip: LABEL, input, output, eventLoop };
    const follower = await Follower.start(chip, 'pin-loop', options, input, output);
    followers.push(follower);
    return follower;
  };
  try {
    const thread = await plain(23, 24, false);
    const eventLoop = await plain(5, 6, true);
    // There is one processor: whoever presses is not to be in the way of whoever follows.
    setPriority(19);
    const against = async (reference: Follower) =>
      alternate(
        () => ours.measure(presses),
        () => reference.measure(presses),
      );
    const row = { what: 'edge → output', unit: 'µs', better: 'lower' } as const;
    return [
      { ...row, against: 'a Node thread that does nothing else', ...(await against(thread)) },
      { ...row, against: 'a Node program with an event loop', ...(await against(eventLoop)) },
    ];
  } finally {
    for (const follower of followers) await follower.stop();
  }
}

/** A program whose output follows its input. */
class Follower {
  private constructor(
    private readonly chip: SimChip,
    private readonly input: number,
    private readonly output: number,
    private readonly subject: Subject,
    private readonly witness: Witness,
  ) {}

  static async start(
    chip: SimChip,
    program: string,
    options: Record<string, unknown>,
    input: number,
    output: number,
  ): Promise<Follower> {
    const witness = new Witness(String(output));
    const subject = await Subject.start(program, options, [], witness.environment);
    return new Follower(chip, input, output, subject, witness);
  }

  /** Median of that many presses, after half as many that do not count. */
  measure(presses: number): number {
    this.#press(presses >> 1);
    return median(this.#press(presses));
  }

  #press(presses: number): number[] {
    const pull = openSync(this.chip.pullFile(this.input), 'r+');
    const times: number[] = [];
    try {
      for (let press = 0; press < presses; press++) {
        const level = press % 2 === 0 ? 1 : 0;
        // All that the press before has set going comes to rest.
        sleep(5);
        const { count } = this.witness.read();
        const began = process.hrtime.bigint();
        writeSync(pull, level === 1 ? 'pull-up' : 'pull-down', 0);
        times.push(this.#driven(count, began));
        if (this.chip.level(this.output) !== level) throw new Error('the output does not follow');
      }
    } finally {
      closeSync(pull);
    }
    return times;
  }

  #driven(before: bigint, began: bigint): number {
    for (let waited = 0; waited < 10_000; waited += 2) {
      sleep(2);
      const { count, at } = this.witness.read();
      if (count > before) return Number(at - began) / 1_000;
    }
    throw new Error('the output is not driven');
  }

  async stop(): Promise<void> {
    await this.subject.stop();
    this.witness.close();
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const [, , result = '', scale = '1'] = process.argv;
const chip = new SimChip(LABEL, 58);
const rows = [await writes(chip, Number(scale)), ...(await latencies(chip, Number(scale)))];
chip.remove();
writeFileSync(result, JSON.stringify(rows));
