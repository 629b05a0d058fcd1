import type { Command } from 'commander';
import type { Context } from '../../context.js';

export function buildList(command: Command, context: Context): void {
  command
    .description('show the public halves of the keys here, and the roles that they have')
    .argument('[folder]', 'folder of the trust document', 'trust')
    .addHelpText('after', '\nThe thumbprint is how devices and trust documents name a key.')
    .action(
      context.action(async (folder: string) => {
        const { listKeys } = await import('../list.js');
        return listKeys(folder, context.environment, context.output.paper.width);
      }),
    );
}
