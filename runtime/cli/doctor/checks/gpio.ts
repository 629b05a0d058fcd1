import { SIMULATED_CHIP } from '../../../base/board.js';
import { counted } from '../../../base/counted.js';
import { asIotError } from '../../../base/errors.js';
import type { ChipInfo } from '../../../index.js';
import { type Check, type Finding, fail, ok } from '../finding.js';
import { joinGroup } from '../groups.js';
import type { Machine } from '../machine.js';
import { providersOf, type Subject } from '../subject.js';

/** The board's chip: that it is there, and that this user may use it. */
export const checkGpio: Check = async (machine, subject) => {
  const { board } = subject;
  const providers = providersOf(subject, 'iot:gpio');
  const simulated = providers.length > 0 && providers.every(({ implementation }) => implementation === 'sim');
  if (board.gpio.chip === SIMULATED_CHIP || simulated) return [ok('gpio', 'simulated pins')];
  const paths = (await machine.list('/dev')).filter((name) => /^gpiochip\d+$/.test(name));
  if (paths.length === 0) {
    const fix = 'boot a kernel with CONFIG_GPIO_CDEV, like that of Raspberry Pi OS or Debian';
    return [fail('gpio', 'there is no /dev/gpiochip*', fix)];
  }
  let chips: ChipInfo[];
  try {
    chips = machine.chips();
  } catch (thrown) {
    const why = `the package koffi cannot be loaded: ${asIotError(thrown).message.split('\n')[0]}`;
    return [fail('gpio', why, 'npm install koffi, in the folder where iot-host is installed')];
  }
  const findings: Finding[] = [];
  for (const label of labels(subject)) findings.push(await checkChip(label, chips, machine, subject));
  return findings;
};

/** The board's chip, and those of lines in use that have another one. */
function labels({ board, uses }: Subject): Set<string> {
  const lines = uses.flatMap(({ kind, name }) =>
    kind === 'line' && Object.hasOwn(board.gpio.lines, name) ? (board.gpio.lines[name] ?? []) : [],
  );
  return new Set([board.gpio.chip, ...lines.flatMap(({ chip }) => chip ?? [])]);
}

async function checkChip(
  label: string,
  chips: readonly ChipInfo[],
  machine: Machine,
  { board, recognised }: Subject,
): Promise<Finding> {
  const found = chips.find((chip) => chip.label === label);
  if (found !== undefined) return ok('gpio', `${label} is ${found.path}, ${counted(found.lines, 'line')}`);
  const closed = chips.find(({ problem }) => problem === 'EACCES' || problem === 'EPERM');
  if (closed !== undefined) {
    const text = `${machine.user} may not open ${closed.path} (${closed.problem})`;
    return fail('gpio', text, await joinGroup(machine, 'gpio'));
  }
  const there = chips.map((chip) => chip.label || `${chip.path} (${chip.problem})`).join(', ');
  const fix =
    recognised === undefined || recognised === board.name
      ? 'board: NAME of a board with one of these chips; iot-host board list'
      : `board: ${recognised}`;
  return fail('gpio', `the chip ${label} of board ${board.name} is not here; there are: ${there}`, fix);
}
