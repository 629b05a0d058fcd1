import type { Command } from 'commander';
import { IotError } from '../../../base/errors.js';
import { ROLES, type RoleName } from '../../../trust/document/document.js';
import { collect } from '../../list-option.js';
import type { EditFlags } from '../trust/flags.js';

export interface SignFlags {
  readonly sign: readonly string[];
}

/** `--sign`: who signs the next version. */
export function signOption(command: Command): Command {
  return command.option(
    '--sign <key>',
    'root key that signs, by name or file (default: those in the key folder)',
    collect,
    [],
  );
}

/** What goes with a stolen key. */
export function recoveryOptions(command: Command): Command {
  return command
    .option(
      '--reset-floor <slot[=n]>',
      'let the sequence numbers of a slot start anew, from N or from now',
      collect,
      [],
    )
    .option('--block <digest>', 'module (SHA-256) that must never run', collect, []);
}

/** Everything else that a document says of its roles. */
export function roleOptions(command: Command): Command {
  return command
    .option('--threshold <role=n>', 'how many keys of a role must sign', collect, [])
    .option('--component <role=slot>', 'the only slots that a role may update; * is all', collect, [])
    .option('--capability <role=contract>', 'the only contracts that it may hand out; * is all', collect, [])
    .option(
      '--grow <role=yes|no>',
      'whether an update may use a contract that is new to its slot',
      collect,
      [],
    )
    .option('--expires <when>', 'devices take nothing new afterwards: 1y, 2030-01-31 or never')
    .option('--min-host <version>', 'the oldest iot-host that may use it')
    .option('--unblock <digest>', 'take back a --block', collect, []);
}

export type { EditFlags };

/** The line that devices still need. */
export const sendLine = (folder: string) =>
  `devices that follow an older version take it with: iot-host keys trust ${folder} --all`;

/** Throws E_USAGE for what is no role. */
export function roleNamed(text: string): RoleName {
  const role = ROLES.find((name) => name === text);
  if (role !== undefined) return role;
  throw new IotError('E_USAGE', `"${text}" is not a role`, { hint: `--role ${ROLES.join(' | ')}` });
}
