import type { Result } from '../result.js';
import { table } from '../table.js';

/** Every board; the one that this machine is by its device tree is marked. */
export async function listText(): Promise<Result> {
  const { deviceTree, listBoards, loadBoard, recogniseBoard } = await import('../../index.js');
  const compatible = await deviceTree();
  const own = await recogniseBoard(compatible);
  const boards = await Promise.all((await listBoards()).map(loadBoard));
  const data = boards.map(({ name, title, gpio }) => ({
    ...{ name, title, chip: gpio.chip, lines: Object.keys(gpio.lines).length, thisMachine: name === own },
  }));
  const rows = data.map(({ name, title, chip, lines, thisMachine }) => [
    `${thisMachine ? '*' : ' '} ${name}`,
    chip,
    String(lines),
    title,
  ]);
  return {
    data: { boards: data, thisMachine: own ?? null, deviceTree: compatible },
    text: [...table(['  BOARD', 'GPIO CHIP', 'LINES', 'WHAT IT IS'], rows), '', machine(own, compatible[0])],
  };
}

function machine(own: string | undefined, first: string | undefined): string {
  if (own !== undefined) return `* this machine: what \`board: auto\`, the default, comes to`;
  const why = first === undefined ? 'it has no device tree' : `its device tree says ${first}`;
  return `this machine is none of them (${why}): \`board: auto\`, the default, comes to sim`;
}
