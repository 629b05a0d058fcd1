import { dirname, join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { CommandSpec } from '../command.js';
import { collect } from '../list-option.js';
import { stem } from '../module/read.js';

export interface SignFlags {
  readonly output?: string;
  readonly name?: string;
  readonly cap: readonly string[];
  readonly tag: readonly string[];
  readonly rev?: number;
  readonly ver?: string;
  readonly callAlias?: string;
  readonly provider?: boolean;
  readonly expires?: string;
  readonly notBefore?: string;
  readonly account: string;
  readonly module?: string;
}

export const command: CommandSpec = {
  name: 'sign',
  summary: 'put signed claims into a module',
  group: 'Modules and keys:',
  build(command, context) {
    command
      .argument('<file>', 'WebAssembly module, or .wat text; claims in it are replaced')
      .option('-o, --output <file>', 'where to write (default: FILE.signed.wasm)')
      .option('-n, --name <name>', 'name of the actor (default: the name of the file)')
      .option('-c, --cap <contract>', 'contract that it asks for, like iot:gpio; repeat it', collect, [])
      .option('-t, --tag <tag>', 'tag; repeat it', collect, [])
      .option('-r, --rev <number>', 'revision, a whole number that grows with every release', integer)
      .option('-v, --ver <version>', 'version for people, like 1.2.3')
      .option('-a, --call-alias <alias>', 'name under which other actors may call it')
      .option('-p, --provider', 'the module is a capability provider itself')
      .option('-x, --expires <when>', 'not to be started afterwards: 30d, 1y or 2030-01-31')
      .option('-b, --not-before <when>', 'not to be started before')
      .option('-i, --account <key>', 'account key that signs, by name or file', 'account')
      .option('-u, --module <key>', 'the module’s own key (default: module-NAME, made when missing)')
      .action(
        context.action(async (file: string, flags: SignFlags) => {
          const { signFile } = await import('../module/sign.js');
          const output = flags.output ?? join(dirname(file), `${stem(file)}.signed.wasm`);
          return signFile(file, output, flags, context);
        }),
      );
  },
};

function integer(text: string): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it must be a whole number');
}
