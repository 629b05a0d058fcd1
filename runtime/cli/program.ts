import { Command } from 'commander';
import type { CommandSpec } from './command.js';
import type { Context } from './context.js';
import type { Sink } from './render.js';

/** The whole command line. Nothing is printed by commander except help, and nothing ends the process. */
export function buildProgram(specs: readonly CommandSpec[], context: Context, stdout: Sink): Command {
  const program = new Command('iot-host')
    .description('Runs signed WebAssembly actors, gives them pins, ports and MQTT, and swaps them live.')
    .usage('COMMAND [options]')
    .option('--json', 'print one JSON envelope, or one JSON object a line for streams')
    .option('--quiet', 'no progress and no remarks')
    .option('--verbose', 'show logs, and where an error came from')
    .option('--no-color', 'no colours')
    .option('--yes', 'do not ask')
    .addHelpText('after', HELP_END);
  for (const spec of specs) {
    const command = program.command(spec.name).description(spec.summary).helpGroup(spec.group);
    spec.build(command, context);
  }
  configure(program, stdout);
  return program;
}

const HELP_END = `
Every option above works with every command. More: iot-host COMMAND --help
Exit codes: 0 ok, 1 bug, 2 usage or configuration, 3 device not found, 4 rejected,
            5 rolled back, 6 timeout, 7 some devices failed, 8 the actor failed, 130 interrupted`;

/** Name and arguments: that there are options goes without saying. */
function subcommandTerm(command: Command): string {
  const args = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? ` <${name}>` : ` [${name}]`;
  });
  return `${command.name()}${args.join('')}`;
}

/** Subcommands made with `command()` copy none of this when it is set after them. */
function configure(command: Command, stdout: Sink): void {
  command
    .exitOverride()
    .helpCommand(false)
    .configureHelp({ helpWidth: 100, subcommandTerm })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => 100,
    });
  command.helpOption('--help', 'show this help');
  for (const child of command.commands) configure(child, stdout);
}
