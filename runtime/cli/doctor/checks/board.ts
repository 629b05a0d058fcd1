import { isBoardFile, SIMULATED_CHIP } from '../../../base/board.js';
import { type Check, ok, warn } from '../finding.js';

/** Whether the board is the one that this machine is. */
export const checkBoard: Check = (_machine, { config, board, recognised, deviceTree }) => {
  const setting = config?.board ?? 'auto';
  const [first] = deviceTree;
  if (setting === 'auto') {
    if (recognised !== undefined) return [ok('board', `${board.title}, by the device tree`)];
    if (first === undefined) return [ok('board', 'simulated: this machine has no device tree')];
    const fix =
      'iot-host board list shows those that are known: board: NAME in the configuration\nor describe yours (docs/hardware.md): board: ./my-board.yaml';
    return [warn('board', `simulated: no board is known by the name ${first}`, fix)];
  }
  const said = `${board.title}, by ${isBoardFile(setting) ? setting : 'the configuration'}`;
  if (!isBoardFile(setting) && board.gpio.chip !== SIMULATED_CHIP && first === undefined) {
    const fix = 'board: sim to try things out; on the board itself: leave board: out';
    return [warn('board', `${said}, and this machine has no device tree: it is hardly one`, fix)];
  }
  const { compatible } = board;
  const fits = compatible.length === 0 || compatible.some((entry) => deviceTree.includes(entry));
  if (recognised === undefined || recognised === board.name || (isBoardFile(setting) && fits))
    return [ok('board', said)];
  const which = board.name === 'sim' ? 'its pins are simulated' : `its pins may be others`;
  const text = `the configuration says ${board.name}, and this machine is ${recognised}: ${which}`;
  return [warn('board', text, `board: ${recognised}, or leave board: out`)];
};
