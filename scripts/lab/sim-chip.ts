import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CONFIGFS = '/sys/kernel/config/gpio-sim';

/** A chip of the kernel's `gpio-sim` (Documentation/admin-guide/gpio/gpio-sim.rst), and the world outside its pins. */
export class SimChip {
  readonly #folder: string;
  readonly #controls: string;
  /** `/dev/gpiochipN`. */
  readonly device: string;

  constructor(
    readonly label: string,
    lines: number,
  ) {
    this.#folder = join(CONFIGFS, label);
    const bank = join(this.#folder, 'bank0');
    mkdirSync(bank, { recursive: true });
    writeFileSync(join(bank, 'num_lines'), String(lines));
    writeFileSync(join(bank, 'label'), label);
    writeFileSync(join(this.#folder, 'live'), '1');
    const device = readFileSync(join(this.#folder, 'dev_name'), 'utf8').trim();
    const chip = readFileSync(join(bank, 'chip_name'), 'utf8').trim();
    this.#controls = join('/sys/devices/platform', device, chip);
    this.device = join('/dev', chip);
  }

  /** Pulls an input up or down, as a button does. */
  press(offset: number, level: 0 | 1): void {
    writeFileSync(join(this.#controls, `sim_gpio${offset}`, 'pull'), level === 1 ? 'pull-up' : 'pull-down');
  }

  /** The level on the wire, whoever drives it. */
  level(offset: number): 0 | 1 {
    return readFileSync(join(this.#controls, `sim_gpio${offset}`, 'value'), 'utf8').trim() === '1' ? 1 : 0;
  }

  /** Path of the file that presses the line: for programs that press without us. */
  pullFile(offset: number): string {
    return join(this.#controls, `sim_gpio${offset}`, 'pull');
  }

  /** Path of the file that tells the level: for programs that watch without us. */
  valueFile(offset: number): string {
    return join(this.#controls, `sim_gpio${offset}`, 'value');
  }

  remove(): void {
    writeFileSync(join(this.#folder, 'live'), '0');
    rmdirSync(join(this.#folder, 'bank0'));
    rmdirSync(this.#folder);
  }
}
