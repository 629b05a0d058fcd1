import { z } from 'zod';
import type { Board } from '../../../base/board.js';
import type { CellEnv, Implementation, ProviderEnv } from '../../../base/contract.js';
import type { Gpio } from '../contract.js';
import { GpioProvider } from '../provider.js';
import { CELL_OPERATIONS, GpioInCell, type SharedLines } from './cell.js';
import { CharacterDeviceChip } from './chip.js';

/** The pins of the board that the host runs on. */
class RealGpio extends GpioProvider {
  readonly shared: SharedLines;
  readonly #chip: CharacterDeviceChip;

  constructor(board: Board, env: ProviderEnv) {
    const chip = new CharacterDeviceChip(board, `iot-host ${env.device}`, env.logger);
    super(chip, board, env.logger);
    this.#chip = chip;
    this.shared = { names: Object.keys(board.gpio.lines), table: chip.table.memory };
  }

  override async start(): Promise<void> {
    this.#chip.start();
  }

  override async stop(): Promise<void> {
    await super.stop();
    this.#chip.stop();
  }
}

const Settings = z.strictObject({});

/** Linux GPIO character device, uAPI v2 (kernel 5.10 and later). */
export const implementation: Implementation<Gpio, z.infer<typeof Settings>> = {
  settings: Settings,
  create: (_settings, env) => new RealGpio(env.board, env),
  createInCell: (_settings, env: CellEnv) => new GpioInCell(env.shared as SharedLines),
  cellOperations: CELL_OPERATIONS,
};
