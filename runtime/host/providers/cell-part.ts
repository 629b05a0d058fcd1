import type { Contract, ProviderEnv } from '../../base/contract.js';
import { asIotError } from '../../base/errors.js';
import type { CellProvider } from '../cell/protocol.js';
import type { Running } from './running.js';

export interface CellPartPlace {
  readonly contract: Contract;
  readonly contractUrl: string;
  readonly env: ProviderEnv;
  /** Opens or closes the part that runs inside the cells. */
  setInCells(id: string, provider: CellProvider | null): Promise<void>;
}

/** The part of a place that runs inside the cells: its calls need no way through the main thread. */
export class CellPart {
  readonly #id: string;
  readonly #place: CellPartPlace;

  constructor(id: string, place: CellPartPlace) {
    this.#id = id;
    this.#place = place;
  }

  /** Not waited for: until a cell has opened its part, its calls take the way through the main thread. */
  open({ implementation, module, settings, provider }: Running): void {
    const { contract, contractUrl, env } = this.#place;
    const answersThere = module.createInCell !== undefined;
    if (!answersThere && !contract.hasOneWay) return;
    const part = {
      ...{ id: this.#id, contractUrl, settings, dataDir: env.dataDir, shared: provider.shared },
      ...(answersThere ? { implementation } : {}),
    };
    this.#place.setInCells(this.#id, part).catch((thrown: unknown) => {
      env.logger.warn(`${this.#id} does not run inside its cells: ${asIotError(thrown).message}`);
    });
  }

  /** Afterwards no cell is in it. Never rejects. */
  async close(): Promise<void> {
    await this.#place.setInCells(this.#id, null).catch((thrown: unknown) => {
      // Closed it is in any case; only tidying up has failed.
      this.#place.env.logger.warn(`${this.#id} in its cells: ${asIotError(thrown).message}`);
    });
  }
}
