import { access } from 'node:fs/promises';
import { ZodError } from 'zod';
import type { Board } from '../base/board.js';
import type { LoadedConfig } from '../base/config/load.js';
import { asIotError, IotError } from '../base/errors.js';
import { silentLogger } from '../base/logger.js';
import { loadContracts } from '../providers/discover.js';
import { chooseBoard } from './board.js';
import { readEdges } from './edges.js';

/** The path of what is wrong in the configuration, and why. */
export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What `up` would find wrong beyond the form of the file, as far as that can be told without starting anything. */
export async function checkConfig(config: LoadedConfig): Promise<ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  const attempt = async (path: readonly PropertyKey[], work: () => unknown) => {
    try {
      await work();
    } catch (thrown) {
      problems.push(describe(path, thrown));
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
  await attempt([], () => readEdges(config));
  for (const [index, { contract: id, use, name: _name, ...settings }] of config.providers.entries()) {
    await attempt(['providers', index], async () => {
      const known = contract(id);
      const implementation = use ?? (board && known.defaultImplementation(board));
      // Without a board nobody knows which one: that it is missing has been said.
      if (implementation === undefined) return;
      const { settings: schema } = await known.loadImplementation(implementation);
      schema.parse(settings);
    });
  }
  for (const [index, { path, bindings }] of config.actors.entries()) {
    if (path !== undefined) await attempt(['actors', index, 'path'], () => readable(path));
    for (const [at, { contract: id, name: _name, ...settings }] of bindings.entries()) {
      await attempt(['actors', index, 'bindings', at], () => contract(id).parseGrant(settings));
    }
  }
  return problems;
}

async function readable(path: string): Promise<void> {
  await access(path).catch((error: NodeJS.ErrnoException) => {
    throw new IotError('E_CONFIG', `${path} cannot be read (${error.code ?? error.message})`);
  });
}

function describe(path: readonly PropertyKey[], thrown: unknown): ConfigProblem {
  if (thrown instanceof ZodError) {
    const [issue] = thrown.issues;
    return { path: [...path, ...(issue?.path ?? [])], message: issue?.message ?? 'not acceptable' };
  }
  const { message, hint } = asIotError(thrown);
  return { path, message: hint === undefined ? message : `${message} (${hint.replaceAll('\n', ' ')})` };
}
