import { access } from 'node:fs/promises';
import type { Board } from '../../base/board.js';
import type { LoadedConfig } from '../../base/config/load.js';
import { asIotError } from '../../base/errors.js';
import { silentLogger } from '../../base/logger.js';
import type { ConfigProblem, Use, UsedProvider } from '../../index.js';
import { problemsIn } from '../config/check.js';
import { configFile } from '../config/file.js';
import type { Context } from '../context.js';
import type { Machine } from './machine.js';

/** What the machine is to do: the checks ask for no more than that needs. */
export interface Subject {
  /** The configuration file that is meant. */
  readonly file: string;
  /** `undefined`: there is none, or it is not valid. */
  readonly config: LoadedConfig | undefined;
  /** What is wrong with it, one a line; empty when it is valid or there is none. */
  readonly configProblems: readonly string[];
  /** What the device tree says, the most particular first. */
  readonly deviceTree: readonly string[];
  /** Name of the board that the device tree describes. */
  readonly recognised: string | undefined;
  /** The board that the host would take. */
  readonly board: Board;
  /** Lines and ports that bindings have. */
  readonly uses: readonly (Use & { readonly provider: string })[];
  /** What the configuration names, or its bindings need. */
  readonly providers: readonly UsedProvider[];
}

/** Those of one contract. */
export function providersOf({ providers }: Subject, contract: string): readonly UsedProvider[] {
  return providers.filter((provider) => provider.contract === contract);
}

const TREE = '/proc/device-tree/compatible';

/** Reads the configuration as the host would. Rejects only when a file was named that is not there. */
export async function subjectOf(
  flag: string | undefined,
  machine: Machine,
  context: Context,
): Promise<Subject> {
  const { boardOf, checkConfig, loadBoard, loadConfig, recogniseBoard, usedProviders, usesByProvider } =
    await import('../../index.js');
  const { file, origin } = configFile(flag, context.environment);
  const deviceTree = ((await machine.text(TREE)) ?? '').split('\0').filter((entry) => entry !== '');
  const recognised = await recogniseBoard(deviceTree);
  const about = { file, deviceTree, recognised };
  const nothing = async (configProblems: readonly string[]): Promise<Subject> => ({
    ...{ ...about, config: undefined, configProblems, uses: [], providers: [] },
    board: await loadBoard(recognised ?? 'sim'),
  });
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (!there && origin === 'default') return nothing([]);
  const placed = async (problems: readonly ConfigProblem[]) => {
    const lines = async () => (await problemsIn(file, problems, context.environment)).message.split('\n');
    return problems.length === 0 ? [] : lines();
  };
  try {
    const config = await loadConfig(file, context.environment);
    const problems = await checkConfig(config);
    const named = config.board === 'auto' ? (recognised ?? 'sim') : config.board;
    // What is wrong with it is among the problems.
    const board = await boardOf({ ...config, board: named }, silentLogger).catch(() =>
      loadBoard(recognised ?? 'sim'),
    );
    return {
      ...{ ...about, config },
      // The trust document has a check of its own, which says more.
      configProblems: await placed(problems.filter(({ path }) => path[0] !== 'trust')),
      board,
      uses: await usesByProvider(config),
      providers: await usedProviders(config, board),
    };
  } catch (thrown) {
    if (!there) throw thrown;
    return nothing(asIotError(thrown).message.split('\n'));
  }
}
