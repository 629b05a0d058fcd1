import { checkShape } from '../../base/config/shape.js';
import type { Contract, Implementation, Provider, ProviderEnv } from '../../base/contract.js';
import { asIotError, IotError, withContext } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { endsWithin } from '../patience.js';

/** How long a provider may take to start, and to stop, in milliseconds. */
const START_MS = 10_000;
const STOP_MS = 5_000;

/** A provider that was started, and what it was made from. */
export interface Running {
  readonly implementation: string;
  readonly settings: unknown;
  readonly module: Implementation<Provider>;
  readonly provider: Provider;
}

/** What a provider is made for: its place `contract/name`. */
export interface Place {
  readonly contract: Contract;
  readonly name: string;
  readonly env: ProviderEnv;
}

/** Makes a provider and starts it. Throws E_CONFIG, E_UNAVAILABLE, E_PROVIDER; nothing is left behind then. */
export async function createProvider(
  { contract, name, env }: Place,
  implementation: string,
  settings: unknown,
): Promise<Running> {
  const id = `${contract.id}/${name}`;
  let provider: Provider | undefined;
  try {
    const module = await contract.loadImplementation(implementation);
    const checked = checkShape(module.settings, settings ?? {});
    provider = module.create(checked, env);
    if (!(await endsWithin(provider.start(AbortSignal.timeout(START_MS)), START_MS))) {
      throw new IotError('E_PROVIDER', `did not start within ${START_MS} ms`);
    }
    return { implementation, settings: checked, module, provider };
  } catch (thrown) {
    if (provider !== undefined) await endProvider(id, provider, env.logger);
    throw withContext(asIotError(thrown, 'E_PROVIDER'), `${id} (${implementation})`);
  }
}

/** Stops one that nobody uses any more. It may fail or hang: its place does not. */
export async function endProvider(id: string, provider: Provider, logger: Logger): Promise<void> {
  try {
    if (await endsWithin(provider.stop(), STOP_MS)) return;
    logger.warn(`${id} did not stop within ${STOP_MS} ms and is left behind`);
  } catch (thrown) {
    logger.warn(`${id} did not stop well: ${asIotError(thrown).message}`);
  }
}
