import type { Command, CommanderError } from 'commander';
import { IotError } from '../base/errors.js';

const SUGGESTION = /\n?\(Did you mean (?:one of )?(.+?)\?\)$/s;

/** What commander found wrong, as our own error: exit code 2, with its suggestion as the hint. */
export function usageError(error: CommanderError, program: Command, args: readonly string[]): IotError {
  if (error.code === 'commander.help') return noCommand(program, args);
  const text = error.message.replace(/^error: /, '').replace(/\. Allowed (.*)\.$/, '; allowed $1');
  const meant = SUGGESTION.exec(text)?.[1];
  return new IotError('E_USAGE', lowerFirst(text.replace(SUGGESTION, '').replaceAll("'", '"')), {
    hint: meant === undefined ? `${commandPath(program, args)} --help` : `did you mean ${meant}?`,
  });
}

/** `iot-host` or `iot-host keys` with nothing behind it. */
function noCommand(program: Command, args: readonly string[]): IotError {
  const path = commandPath(program, args);
  const names = deepest(program, args).commands.map((command) => command.name());
  return new IotError('E_USAGE', `which command? ${path} has: ${names.join(', ')}`, {
    hint: `${path} --help`,
  });
}

function deepest(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const arg of args) {
    const child = command.commands.find((candidate) => candidate.name() === arg);
    if (child !== undefined) command = child;
  }
  return command;
}

function commandPath(program: Command, args: readonly string[]): string {
  const names: string[] = [];
  for (let command: Command | null = deepest(program, args); command !== null; command = command.parent) {
    names.unshift(command.name());
  }
  return names.join(' ');
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
