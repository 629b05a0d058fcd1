import { readdir } from 'node:fs/promises';
import { type CommandSpec, GROUPS } from './command.js';

/** Every command of the folder `commands/`, in the order of the help: to add one, add a file. */
export async function discoverCommands(): Promise<CommandSpec[]> {
  const folder = new URL('./commands/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.js')).sort();
  const modules = files.map(async (file): Promise<CommandSpec> => {
    const { command } = (await import(new URL(file, folder).href)) as { command?: CommandSpec };
    if (command === undefined) throw new Error(`${file} exports no command`);
    return command;
  });
  const commands = await Promise.all(modules);
  return commands.sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));
}
