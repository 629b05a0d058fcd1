import { type Check, ok, warn } from '../finding.js';

/** Whether the board is the one that this machine is. */
export const checkBoard: Check = (_machine, { config, board, recognised, deviceTree }) => {
  const setting = config?.board ?? 'auto';
  const [first] = deviceTree;
  if (setting === 'auto') {
    if (recognised !== undefined) return [ok('board', `${board.title}, by the device tree`)];
    if (first === undefined) return [ok('board', 'simulated: this machine has no device tree')];
    const fix = 'iot-host board list shows those that are known; then in the configuration: board: NAME';
    return [warn('board', `simulated: no board is known by the name ${first}`, fix)];
  }
  if (recognised === undefined || recognised === board.name)
    return [ok('board', `${board.title}, by the configuration`)];
  const which = board.name === 'sim' ? 'its pins are simulated' : `its pins may be others`;
  const text = `the configuration says ${board.name}, and this machine is ${recognised}: ${which}`;
  return [warn('board', text, `board: ${recognised}, or leave board: out`)];
};
