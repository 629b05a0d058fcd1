import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Board, SIMULATED_CHIP } from '../base/board.js';
import { nameLines } from '../base/board-lines.js';
import type { LoadedConfig } from '../base/config/load.js';
import { PathError } from '../base/config/path-error.js';
import { checkShape, ShapeError } from '../base/config/shape.js';
import { asIotError, IotError, withContext } from '../base/errors.js';
import { silentLogger } from '../base/logger.js';
import { loadContracts } from '../providers/discover.js';
import { trustFile } from '../trust/document/file.js';
import { readTrustDocument } from '../trust/document/signed.js';
import { chooseBoard } from './board.js';
import { conflicts } from './conflicts.js';
import { readEdges } from './edges.js';
import { noTrust } from './no-trust.js';
import { providerFor } from './provider-for.js';

/** The path of what is wrong in the configuration, and why. */
export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  /** Whether the last key of the path is what is wrong, not what it holds. */
  readonly isKey?: boolean;
  readonly message: string;
}

/** Keys of ours, beside the settings that are the contract's or the implementation's. */
const OF_BINDINGS = ['contract', 'name'];
const OF_PROVIDERS = ['contract', 'use', 'name'];

/** What `up` would find wrong beyond the form of the file, as far as that can be told without starting anything. */
export async function checkConfig(config: LoadedConfig): Promise<ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  const attempt = async (path: readonly PropertyKey[], work: () => unknown) => {
    try {
      await work();
    } catch (thrown) {
      problems.push(...describe(path, thrown));
    }
  };
  const contracts = await loadContracts();
  const contract = (id: string) => {
    const found = contracts.get(id)?.contract;
    if (found !== undefined) return found;
    const hint = `it knows: ${[...contracts.keys()].join(', ')}`;
    throw new IotError('E_CONFIG', `this host has no contract ${id}`, { hint });
  };
  let board: Board | undefined;
  await attempt(['board'], async () => {
    board = await chooseBoard(config.board, silentLogger);
  });
  await attempt(['lines'], () => {
    if (board !== undefined && isMeant(board, config)) board = nameLines(board, config.lines);
  });
  await attempt([], () => readEdges(config));
  await attempt(['trust', 'document'], () => checkTrustDocument(config));
  for (const [index, { contract: id, use, name: _name, ...settings }] of config.providers.entries()) {
    await attempt(['providers', index], async () => {
      const known = contract(id);
      const implementation = use ?? (board && known.defaultImplementation(board));
      // Without a board nobody knows which one: that it is missing has been said.
      if (implementation === undefined) return;
      const { settings: schema } = await known.loadImplementation(implementation);
      checkShape(schema, settings, { beside: OF_PROVIDERS });
    });
  }
  for (const [index, { path, bindings }] of config.actors.entries()) {
    if (path !== undefined) await attempt(['actors', index, 'path'], () => readable(path));
    for (const [at, { contract: id, name, ...settings }] of bindings.entries()) {
      await attempt(['actors', index, 'bindings', at], () => {
        const grant = contract(id).parseGrant(settings, OF_BINDINGS);
        if (board !== undefined && isMeant(board, config))
          contract(id).checkGrant(grant, board, providerFor(config, id, name));
      });
    }
  }
  if (board !== undefined) problems.push(...conflicts(config, board, (id) => contracts.get(id)?.contract));
  return problems;
}

/** Whether it is the board that the file was written for: a file for `auto` may be checked on any machine. */
function isMeant({ gpio }: Board, { board }: LoadedConfig): boolean {
  return board !== 'auto' || gpio.chip !== SIMULATED_CHIP;
}

/** A device that has kept one needs the file no more; one that is damaged is wrong all the same. */
async function checkTrustDocument({ device, dataDir, trust: { document } }: LoadedConfig): Promise<void> {
  if (document === undefined) return;
  const file = trustFile(document);
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => error);
  if (bytes instanceof Uint8Array) {
    try {
      readTrustDocument(bytes);
    } catch (thrown) {
      throw withContext(asIotError(thrown), file);
    }
    return;
  }
  if (bytes.code === 'EACCES') throw new IotError('E_CONFIG', `${file} cannot be read (${bytes.code})`);
  const kept = await readdir(join(dataDir, 'ota', 'trust')).catch((): string[] => []);
  if (kept.length === 0) throw noTrust(device, document);
}

async function readable(path: string): Promise<void> {
  await access(path).catch((error: NodeJS.ErrnoException) => {
    throw new IotError('E_CONFIG', `${path} cannot be read (${error.code ?? error.message})`);
  });
}

function describe(path: readonly PropertyKey[], thrown: unknown): ConfigProblem[] {
  if (thrown instanceof ShapeError) {
    return thrown.faults.map((fault) => ({
      ...{ path: [...path, ...fault.path], message: fault.text },
      ...(fault.isKey ? { isKey: true } : {}),
    }));
  }
  const { message, hint } = asIotError(thrown);
  const text = hint === undefined ? message : `${message} (${hint.replaceAll('\n', ' ')})`;
  if (!(thrown instanceof PathError)) return [{ path, message: text }];
  return [{ path: [...path, ...thrown.path], isKey: true, message: text }];
}
