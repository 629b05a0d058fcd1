import { access } from 'node:fs/promises';
import { IotError } from '../../base/errors.js';
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
  readonly board: string;
  readonly uses: readonly Use[];
}

/** Throws E_CONFIG for a board that there is not, and what the device or the configuration is refused with. */
export async function showBoard(
  name: string | undefined,
  options: ShowOptions,
  context: Context,
): Promise<Result> {
  const { deviceTree, loadBoard, recogniseBoard } = await import('../../index.js');
  const own = await recogniseBoard(await deviceTree());
  const source =
    options.device === undefined
      ? await configured(options.config, own, context)
      : await running(name, options, context);
  const board = await loadBoard(name ?? source?.board ?? own ?? 'sim');
  const shown = source?.board === board.name ? source : undefined;
  const view = boardView(board, shown?.uses ?? [], {
    thisMachine: board.name === own,
    inUseBy: shown?.from ?? null,
  });
  return { data: view, text: drawBoard(view, context.output.paper) };
}

/** What a device holds now. */
async function running(
  name: string | undefined,
  options: ShowOptions,
  context: Context,
): Promise<Source | undefined> {
  const { withDevice } = await import('../device/session.js');
  const { device, board, actors } = await withDevice(options, context, (session) => session.rpc('ps', {}));
  const known = board ?? name;
  if (known === undefined) {
    throw new IotError('E_USAGE', `${device} does not say which board it is: its host is too old`, {
      hint: 'name the board: iot-host board show NAME',
    });
  }
  const uses = actors.flatMap(({ name: actor, bindings }) =>
    bindings.flatMap(({ resources = [] }) => resources.map((resource) => ({ ...resource, actor }))),
  );
  return { from: `device ${device}`, board: known, uses };
}

/** What the configuration grants; `undefined` when there is none and nobody named one. */
async function configured(
  flag: string | undefined,
  own: string | undefined,
  { environment }: Context,
): Promise<Source | undefined> {
  const { file, origin } = configFile(flag, environment);
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (!there && origin === 'default') return undefined;
  const { configuredUses, loadConfig } = await import('../../index.js');
  const config = await loadConfig(file, environment);
  const board = config.board === 'auto' ? (own ?? 'sim') : config.board;
  return { from: file, board, uses: await configuredUses(config) };
}
