import type { Command, CommanderError } from 'commander';
import { IotError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { shellWord } from './shell.js';

const SUGGESTION = /\n?\(Did you mean (?:one of )?(.+?)\?\)$/s;
/** What commander says of a word that stands where a default subcommand takes none. */
const MISPLACED: ReadonlySet<string> = new Set(['commander.excessArguments', 'commander.unknownOption']);

/** What commander found wrong, as our own error: exit code 2, with its suggestion as the hint. */
export function usageError(error: CommanderError, program: Command, args: readonly string[]): IotError {
  const meant = deepest(program, args);
  if (error.code === 'commander.help') return noCommand(meant);
  const [word = '-'] = meant.rest;
  // Behind an option it may be the value of that.
  if (MISPLACED.has(error.code) && meant.command.commands.length > 0 && !word.startsWith('-'))
    return unknownCommand(meant, word);
  const text = error.message.replace(/^error: /, '').replace(/\. Allowed (.*)\.$/, '; allowed $1');
  const suggested = SUGGESTION.exec(text)?.[1];
  return new IotError('E_USAGE', lowerFirst(text.replace(SUGGESTION, '').replaceAll("'", '"')), {
    hint: suggested === undefined ? (fileHint(error, meant) ?? help(meant)) : `did you mean ${suggested}?`,
  });
}

/** The command that a line names, and the words behind it. */
interface Meant {
  readonly command: Command;
  /** `iot-host config check`. */
  readonly path: string;
  readonly rest: readonly string[];
  /** The rest without options; the value of one may be among them. */
  readonly operands: readonly string[];
}

function deepest(program: Command, args: readonly string[]): Meant {
  let [command, path, rest] = [program, program.name(), args];
  for (const [index, arg] of args.entries()) {
    const child = command.commands.find((candidate) => candidate.name() === arg);
    if (child !== undefined)
      [command, path, rest] = [child, `${path} ${child.name()}`, args.slice(index + 1)];
  }
  return { command, path, rest, operands: rest.filter((arg) => !arg.startsWith('-')) };
}

const help = ({ path }: Meant) => `${path} --help`;
const namesIn = ({ command }: Meant) => command.commands.map((child) => child.name());

/** `iot-host` or `iot-host keys` with nothing behind it. */
function noCommand(meant: Meant): IotError {
  return new IotError('E_USAGE', `which command? ${meant.path} has: ${namesIn(meant).join(', ')}`, {
    hint: help(meant),
  });
}

/** `iot-host board shwo`: commander takes the last word for an argument of the default subcommand. */
function unknownCommand(meant: Meant, word: string): IotError {
  const name = nearest(word, namesIn(meant));
  return new IotError('E_USAGE', `unknown command "${word}"`, {
    hint: name === undefined ? `${meant.path} has: ${namesIn(meant).join(', ')}` : `did you mean ${name}?`,
  });
}

/** `iot-host config check FILE`: the file goes behind an option. */
function fileHint({ code }: CommanderError, { command, path, rest, operands }: Meant): string | undefined {
  const option = command.options.find(({ long }) => long === '--config');
  if (code !== 'commander.excessArguments' || option === undefined) return undefined;
  const file = operands[command.registeredArguments.length];
  const isGiven = rest.some((arg) => /^(-c|--config(=|$))/.test(arg));
  return file === undefined || isGiven ? undefined : `${path} -c ${shellWord(file)}`;
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
