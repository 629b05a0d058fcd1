import type { Command } from 'commander';
import type { Context } from '../../context.js';
import { type EditFlags, recoveryOptions, type SignFlags, sendLine, signOption } from './options.js';

export function buildRotate(command: Command, context: Context): void {
  command
    .description('make a new key, and the next version of the trust document with it in the old one’s place')
    .argument('<role|key>', 'role, where one key has it; else the key')
    .argument('[folder]', 'folder of the document', 'trust');
  recoveryOptions(command);
  signOption(command)
    .addHelpText(
      'after',
      '\nThe new key takes the old one’s name; the old one stays beside it as NAME.old-1. Run it again to finish a' +
        '\nrotation that was interrupted.',
    )
    .action(
      context.action(async (key: string, folder: string, options: Partial<EditFlags> & SignFlags) => {
        const { rotateKey } = await import('../trust/rotate.js');
        const { editOf } = await import('../trust/flags.js');
        const { summary } = await import('../trust/summary.js');
        const rotated = await rotateKey(key, folder, editOf(options), options.sign, context.environment);
        const { oldKey, newKey, oldFile, keyFile, roles } = rotated;
        const shown = summary(rotated, [sendLine(folder)]);
        return {
          data: { ...(shown.data as object), rotated: { roles, oldKey, newKey, keyFile, oldFile } },
          text: [
            `${keyFile} is a new key for ${roles.join(', ')}`,
            `  old ${oldKey}, kept in ${oldFile}`,
            `  new ${newKey}`,
            ...shown.text,
          ],
        };
      }),
    );
}
