import { z } from 'zod';
import type { Board } from '../../../base/board.js';
import type { CellEnv, Implementation, ProviderEnv } from '../../../base/contract.js';
import type { Gpio } from '../contract.js';
import { GpioProvider } from '../provider.js';
import { CELL_OPERATIONS, GpioInCell, type SharedLines } from './cell.js';
import { CharacterDeviceChip } from './chip.js';

/** The pins of the board that the host runs on. */
class RealGpio extends GpioProvider<CharacterDeviceChip> {
  readonly #names: readonly string[];

  constructor(board: Board, env: ProviderEnv) {
    super(new CharacterDeviceChip(board, `iot-host ${env.device}`, env.logger), board, env.logger);
    this.#names = Object.keys(board.gpio.lines);
  }

  get shared(): SharedLines {
    return { names: this.#names, table: this.chip.table.memory };
  }

  override async start(): Promise<void> {
    this.chip.start();
  }

  override async stop(): Promise<void> {
    try {
      await super.stop();
    } finally {
      this.chip.stop();
    }
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
