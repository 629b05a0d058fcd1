import { access } from 'node:fs/promises';
import type { Board } from '../../base/board.js';
import { asIotError, IotError } from '../../base/errors.js';
import { silentLogger } from '../../base/logger.js';
import type { Use } from '../../index.js';
import { configFile } from '../config/file.js';
import type { Context } from '../context.js';
import type { DeviceOptions } from '../device/options.js';
import type { Result } from '../result.js';
import { drawBoard } from './draw.js';
import { boardView } from './view.js';

type ShowOptions = DeviceOptions & { readonly config?: string };

/** Whose bindings are shown, and on which board they are. */
interface Source {
  /** "device pi-01", "iot-host.yaml". */
  readonly from: string;
  readonly board: Board;
  readonly uses: readonly Use[];
}

/**
 * `name`: a board, or the file of one. Throws E_CONFIG for a board that there is not, and what the device or the
 * configuration is refused with.
 */
export async function showBoard(
  name: string | undefined,
  options: ShowOptions,
  context: Context,
): Promise<Result> {
  const { chooseBoard, deviceTree, loadBoard, recogniseBoard } = await import('../../index.js');
  const own = await recogniseBoard(await deviceTree());
  const named = name === undefined ? undefined : await chooseBoard(name, silentLogger);
  const source =
    options.device === undefined
      ? await configured(named, options.config, context)
      : await running(named, options, context);
  const shown = named === undefined || named.name === source?.board.name ? source : undefined;
  const board = shown?.board ?? named ?? (await loadBoard(own ?? 'sim'));
  const view = boardView(board, shown?.uses ?? [], {
    thisMachine: board.name === own,
    inUseBy: shown?.from ?? null,
  });
  return { data: view, text: drawBoard(view, context.output.paper) };
}

/** What a device holds now. */
async function running(
  named: Board | undefined,
  options: ShowOptions,
  context: Context,
): Promise<Source | undefined> {
  const { nameLines } = await import('../../index.js');
  const { withDevice } = await import('../device/session.js');
  const status = await withDevice(options, context, (session) => session.rpc('ps', {}));
  const { device, actors, lines = {} } = status;
  const board = await boardOfDevice(status, named);
  if (board === undefined) return undefined;
  const uses = actors.flatMap(({ name: actor, bindings }) =>
    bindings.flatMap(({ resources = [] }) => resources.map((resource) => ({ ...resource, actor }))),
  );
  return { from: `device ${device}`, board: nameLines(board, lines), uses };
}

/** The board that a device says it is; `undefined` when it is another one than the one that was named. */
async function boardOfDevice(
  { device, board: name }: { device: string; board?: string },
  named: Board | undefined,
): Promise<Board | undefined> {
  const { listBoards, loadBoard } = await import('../../index.js');
  if (named !== undefined) return name === undefined || name === named.name ? named : undefined;
  if (name === undefined) {
    throw new IotError('E_USAGE', `${device} does not say which board it is: its host is too old`, {
      hint: 'name the board: iot-host board show NAME',
    });
  }
  if ((await listBoards()).includes(name)) return loadBoard(name);
  throw new IotError('E_CONFIG', `${device} has a board of its own, ${name}, which is not known here`, {
    hint: `name its file: iot-host board show ./${name}.yaml --device ${device}`,
  });
}

/** What the configuration grants; `undefined` when there is none and nobody named one. */
async function configured(
  named: Board | undefined,
  flag: string | undefined,
  { environment }: Context,
): Promise<Source | undefined> {
  const { file, origin } = configFile(flag, environment);
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (!there && origin === 'default') return undefined;
  const { boardOf, configuredUses, loadConfig } = await import('../../index.js');
  const config = await loadConfig(file, environment);
  const board = await boardOf(config, silentLogger).catch((thrown: unknown) => {
    // Whoever named a board wants to see that one, whatever is wrong with the other.
    if (named === undefined) throw asIotError(thrown);
    return undefined;
  });
  return board === undefined ? undefined : { from: file, board, uses: await configuredUses(config) };
}
