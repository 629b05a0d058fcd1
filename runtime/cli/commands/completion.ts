import { Argument, type Command } from 'commander';
import type { CommandSpec } from '../command.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const command: CommandSpec = {
  name: 'completion',
  summary: 'print what makes a shell complete these commands',
  group: 'This machine:',
  build(command, context) {
    command
      .addArgument(new Argument('<shell>').choices(SHELLS))
      .addHelpText(
        'after',
        '\nbash: source <(iot-host completion bash)' +
          '\nzsh:  source <(iot-host completion zsh), after compinit' +
          '\nfish: iot-host completion fish | source',
      )
      .action(
        context.action(async (shell: (typeof SHELLS)[number], _options: unknown, self: Command) => {
          const { completionTree } = await import('../completion/tree.js');
          const { bashScript, fishScript, zshScript } = await import('../completion/scripts.js');
          const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
          const script = scripts[shell](completionTree(self.parent ?? self));
          return { data: { shell, script }, text: [script] };
        }),
      );
  },
};
