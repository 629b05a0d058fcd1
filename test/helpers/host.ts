import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Board } from '#runtime/base/board.js';
import { HostConfig } from '#runtime/base/config/schema.js';
import type { Contract } from '#runtime/base/contract.js';
import { type Logger, silentLogger } from '#runtime/base/logger.js';
import { loadEngineModule } from '#runtime/engine/wasm3/index.js';
import { type HostClock, machineClock } from '#runtime/host/clock.js';
import { Host } from '#runtime/host/host.js';
import type { CheckedModule } from '#runtime/host/update.js';
import { loadContracts } from '#runtime/providers/discover.js';
import { TEST_BOARD } from './providers.js';

export interface TestHost {
  readonly host: Host;
  readonly dataDir: string;
  /** Stops the host and makes another one over the same files. */
  restart(): Promise<Host>;
  stop(): Promise<void>;
}

export const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
export const bytes = (s: string) => new TextEncoder().encode(s);

/** A host without broker and updates: `config` as in the file, `modules` by slot name. */
export async function startHost(
  config: Record<string, unknown>,
  modules: Record<string, CheckedModule>,
  logger: Logger = silentLogger,
  /** Take the place of the real contracts of the same id. */
  fakes: readonly Contract[] = [],
  clock: HostClock = machineClock,
  board: Board = TEST_BOARD,
): Promise<TestHost> {
  const dataDir = await mkdtemp(join(tmpdir(), 'iot-host-test-'));
  const engine = await loadEngineModule();
  const contracts = new Map([
    ...(await loadContracts()),
    ...fakes.map((contract) => [contract.id, { contract, url: '' }] as const),
  ]);
  const make = async () => {
    const host = new Host({
      config: HostConfig.parse({ device: 'test', ...config }),
      dataDir,
      brokerUrl: 'mqtt://127.0.0.1:1',
      board,
      logger,
      engine,
      contracts,
      clock,
      firstModule: async ({ name }) => modules[name],
    });
    await host.start();
    return host;
  };
  let host = await make();
  return {
    get host() {
      return host;
    },
    dataDir,
    async restart() {
      await host.stop();
      host = await make();
      return host;
    },
    async stop() {
      await host.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
