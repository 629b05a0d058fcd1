import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Board, BoardData } from '#runtime/base/board.js';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Contract, Provider, ProviderEnv, Session } from '#runtime/base/contract.js';
import { IotError } from '#runtime/base/errors.js';
import type { Logger, LogMessage } from '#runtime/base/logger.js';

export const TEST_BOARD: Board = BoardData.parse({
  name: 'sim',
  title: 'Simulated board',
  source: 'made up for tests',
  gpio: {
    chip: 'sim',
    lines: {
      LED: { offset: 0, direction: 'out' },
      RELAY: { offset: 1, direction: 'out' },
      BUTTON: { offset: 2, direction: 'in' },
      GPIO17: { offset: 17, direction: 'any' },
    },
  },
});

/** A logger that keeps its lines as `level message {fields}`. */
export function recordingLogger(lines: string[], bound: Record<string, unknown> = {}): Logger {
  const write = (level: string) => (message: LogMessage, fields?: Record<string, unknown>) => {
    const text = typeof message === 'function' ? message() : message;
    lines.push(`${level} ${text} ${JSON.stringify({ ...bound, ...fields })}`);
  };
  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    trace: write('trace'),
    child: (fields) => recordingLogger(lines, { ...bound, ...fields }),
  };
}

/** A temporary folder; `remove` deletes it. */
export function temporaryDir(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'iot-provider-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function providerEnv(overrides: Partial<ProviderEnv> = {}, lines: string[] = []): ProviderEnv {
  return {
    device: 'pi-01',
    dataDir: '/nonexistent',
    brokerUrl: 'mqtt://127.0.0.1:1',
    board: TEST_BOARD,
    logger: recordingLogger(lines),
    ...overrides,
  };
}

/** Loads an implementation and creates (does not start) a provider, settings checked as the host does. */
export async function createProvider(
  contract: Contract,
  name: string,
  env: ProviderEnv,
  settings: unknown = {},
): Promise<Provider> {
  const implementation = await contract.loadImplementation(name);
  return implementation.create(implementation.settings.parse(settings), env);
}

export function session(
  contract: Contract,
  actor: string,
  grant: unknown = {},
  binding = 'default',
): Session {
  return { actor, binding, grant: contract.parseGrant(grant) };
}

/** One host call the way an actor makes it: encoded bytes in, encoded bytes out. */
export async function call(
  contract: Contract,
  provider: unknown,
  as: Session,
  operation: string,
  request?: unknown,
): Promise<unknown> {
  const reply = await contract.handle(provider, as, operation, encodePayload(contract.codec, request));
  return decodePayload(contract.codec, reply);
}

/** What happens when it ought to fail: `CODE message`. */
export async function failure(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (thrown) {
    return thrown instanceof IotError ? `${thrown.code} ${thrown.message}` : `not an IotError: ${thrown}`;
  }
  return 'nothing was thrown';
}

/** Waits until `check` is true, polling; fails with `what` after `ms`. */
export async function until(check: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!check()) {
    if (Date.now() > end) throw new Error(`${what} did not happen within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
