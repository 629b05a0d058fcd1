import type { Command } from 'commander';
import type { Context } from '../../context.js';
import {
  type EditFlags,
  recoveryOptions,
  roleNamed,
  type SignFlags,
  sendLine,
  signOption,
} from './options.js';

interface RevokeOptions extends Partial<EditFlags>, SignFlags {
  readonly role?: string;
}

export function buildRevoke(command: Command, context: Context): void {
  command
    .description('make the next version of the trust document without a key')
    .argument('<key>', 'name in the key folder, file, public key or thumbprint')
    .argument('[folder]', 'folder of the document', 'trust')
    .option('--role <role>', 'take only this role from it (default: all that it has)');
  recoveryOptions(command);
  signOption(command)
    .addHelpText(
      'after',
      '\nA role that would have too few keys keeps them: iot-host keys rotate puts a new one in the place.' +
        '\nFor a stolen release key add --reset-floor for its slots and --block for what the thief has signed.',
    )
    .action(
      context.action(async (key: string, folder: string, options: RevokeOptions) => {
        const { revokeKey } = await import('../trust/revoke.js');
        const { editOf } = await import('../trust/flags.js');
        const { summary } = await import('../trust/summary.js');
        const role = options.role === undefined ? undefined : roleNamed(options.role);
        const edit = editOf(options);
        const { environment } = context;
        const revoked = await revokeKey(key, role, folder, edit, options.sign, environment);
        const shown = summary(revoked, [sendLine(folder)]);
        const { key: name, roles } = revoked;
        return {
          data: { ...(shown.data as object), revoked: { key: name, roles } },
          text: [`${name} is no longer ${roles.join(', ')}`, ...shown.text],
        };
      }),
    );
}
