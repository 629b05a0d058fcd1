import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
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

/** Median time from a press until the output has followed, in µs: each program has lines of its own, and its turn. */
async function latencies(chip: SimChip, scale: number): Promise<Row[]> {
  const presses = scaled(200, scale, 20);
  const plain = (input: number, output: number, eventLoop: boolean) =>
    Subject.start('pin-loop', { chip: LABEL, input, output, eventLoop });
  const subjects = [
    await Subject.start('device', device),
    await plain(23, 24, false),
    await plain(5, 6, true),
  ];
  try {
    // There is one processor: whoever looks for the output is not to be in the way of whoever drives it.
    setPriority(19);
    const measure = (input: number, output: number) => {
      follow(chip, input, output, presses >> 1);
      return median(follow(chip, input, output, presses));
    };
    const ours = () => measure(INPUT, OUTPUT);
    const row = { what: 'edge → output', unit: 'µs', better: 'lower' } as const;
    return [
      {
        ...row,
        against: 'a Node thread that does nothing else',
        ...(await alternate(ours, () => measure(23, 24))),
      },
      {
        ...row,
        against: 'a Node program with an event loop',
        ...(await alternate(ours, () => measure(5, 6))),
      },
    ];
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}

function follow(chip: SimChip, input: number, output: number, presses: number): number[] {
  const pull = openSync(chip.pullFile(input), 'r+');
  const value = openSync(chip.valueFile(output), 'r');
  const buffer = Buffer.alloc(1);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const times: number[] = [];
  try {
    for (let press = 0; press < presses; press++) {
      const level = press % 2 === 0 ? 1 : 0;
      // All that the press before has set going comes to rest.
      Atomics.wait(pause, 0, 0, 5);
      const began = performance.now();
      writeSync(pull, level === 1 ? 'pull-up' : 'pull-down', 0);
      do {
        if (performance.now() - began > 10_000) throw new Error('the output does not follow');
        readSync(value, buffer, 0, 1, 0);
      } while (buffer[0] !== 48 + level);
      times.push((performance.now() - began) * 1_000);
    }
  } finally {
    closeSync(pull);
    closeSync(value);
  }
  return times;
}

const [, , result = '', scale = '1'] = process.argv;
const chip = new SimChip(LABEL, 58);
const rows = [await writes(chip, Number(scale)), ...(await latencies(chip, Number(scale)))];
chip.remove();
writeFileSync(result, JSON.stringify(rows));
