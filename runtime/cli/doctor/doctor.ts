import { counted } from '../../base/counted.js';
import { asIotError, IotError } from '../../base/errors.js';
import { withFile } from '../config/file.js';
import type { Result } from '../result.js';
import { hanging, hangingHint } from '../words.js';
import { checkBluetooth } from './checks/bluetooth.js';
import { checkBoard } from './checks/board.js';
import { checkBroker } from './checks/broker.js';
import { checkClock } from './checks/clock.js';
import { checkConfiguration } from './checks/configuration.js';
import { checkDisk } from './checks/disk.js';
import { checkGpio } from './checks/gpio.js';
import { checkNode } from './checks/node.js';
import { checkSerial } from './checks/serial.js';
import { checkTrust } from './checks/trust.js';
import { type Check, type Finding, fail } from './finding.js';
import type { Machine } from './machine.js';
import type { Subject } from './subject.js';

/** In the order in which one would mend things. */
export const CHECKS: Readonly<Record<string, Check>> = {
  node: checkNode,
  configuration: checkConfiguration,
  board: checkBoard,
  gpio: checkGpio,
  serial: checkSerial,
  bluetooth: checkBluetooth,
  broker: checkBroker,
  clock: checkClock,
  disk: checkDisk,
  trust: checkTrust,
};

/** Every check, one after the other. A result with E_UNAVAILABLE (exit 2) when one of them fails. `width`: of the terminal. */
export async function examine(
  machine: Machine,
  subject: Subject,
  checks = CHECKS,
  width = Number.POSITIVE_INFINITY,
): Promise<Result> {
  const findings: Finding[] = [];
  for (const [name, check] of Object.entries(checks)) {
    try {
      findings.push(...(await check(machine, subject)));
    } catch (thrown) {
      findings.push(
        fail(name, `could not be checked: ${asIotError(thrown).message}`, 'run it with --verbose'),
      );
    }
  }
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  const [failed, warned] = [count('fail'), count('warn')];
  const text = findings.flatMap((finding) => lines(finding, width));
  const data = { findings, failed, warned };
  if (failed === 0) return { data, text: [...text, '', warned === 0 ? 'all is well' : 'nothing failed'] };
  const failure = new IotError('E_UNAVAILABLE', `${failed} of ${counted(findings.length, 'check')} failed`, {
    hint: `do what stands behind "fix:", then run ${withFile('iot-host doctor', subject.file)} again`,
  });
  return { data, text, failure };
}

const INDENT = ' '.repeat(19);

function lines(finding: Finding, width: number): string[] {
  const { check, state, text } = finding;
  const start = `${state.padEnd(4)}  ${check.padEnd(11)}  `;
  const head = Number.isFinite(width) ? hanging(start, text, width) : [start + text];
  if (finding.state === 'ok') return head;
  const fixes = finding.fix.split('\n').flatMap((fix, at) => {
    const begin = `${INDENT}${at === 0 ? 'fix: ' : '     '}`;
    return Number.isFinite(width) ? hangingHint(begin, fix, width) : [begin + fix];
  });
  return [...head, ...fixes];
}
