import type { CommandSpec } from '../command.js';
import { buildGen } from '../keys/command/gen.js';
import { buildList } from '../keys/command/list.js';
import { buildRevoke } from '../keys/command/revoke.js';
import { buildRotate } from '../keys/command/rotate.js';
import { buildTrust } from '../keys/command/trust.js';

export const command: CommandSpec = {
  name: 'keys',
  summary: 'make keys, show them, and say what they may do',
  group: 'Modules and keys:',
  build(command, context) {
    buildGen(command.command('gen'), context);
    buildList(command.command('list'), context);
    buildTrust(command.command('trust'), context);
    buildRevoke(command.command('revoke'), context);
    buildRotate(command.command('rotate'), context);
  },
};
