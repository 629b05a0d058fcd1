import type { Command } from 'commander';

/** What may be typed after one command, as the command line itself knows it. */
export interface CompletionNode {
  /** `keys gen`; empty for the program. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly CompletionOption[];
  /** Words that its first argument may be. */
  readonly choices: readonly string[];
  /** Whether an argument is, or may be, a file. */
  readonly files: boolean;
}

export interface CompletionOption {
  /** `-f` and `--follow`; `--broker`. */
  readonly flags: readonly string[];
  readonly summary: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

const FILE_ARGUMENT = /file|path|folder|arguments/;

/** The program and every command below it. */
export function completionTree(program: Command): CompletionNode[] {
  const everywhere = [...optionsOf(program), HELP];
  const walk = (command: Command, path: readonly string[]): CompletionNode[] => {
    const [first] = command.registeredArguments;
    const node = {
      path: path.join(' '),
      commands: command.commands.map((child) => ({ name: child.name(), summary: child.description() })),
      options: command === program ? everywhere : [...optionsOf(command), ...everywhere],
      choices: first?.argChoices ?? [],
      files: command.registeredArguments.some((argument) => FILE_ARGUMENT.test(argument.name())),
    };
    return [node, ...command.commands.flatMap((child) => walk(child, [...path, child.name()]))];
  };
  return walk(program, []);
}

const HELP: CompletionOption = {
  flags: ['--help'],
  summary: 'show this help',
  takesValue: false,
  choices: [],
};

function optionsOf(command: Command): CompletionOption[] {
  return command.options.map(({ short, long, description, required, optional, argChoices }) => ({
    flags: [short, long].filter((flag) => flag !== undefined),
    summary: description,
    takesValue: required || optional,
    choices: argChoices ?? [],
  }));
}
