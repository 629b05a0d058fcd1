import type { Command } from 'commander';
import type { Context } from '../../context.js';

export function buildGen(command: Command, context: Context): void {
  command
    .description('make the usual keys that are missing, or the one that is named')
    .option('--type <type>', 'account, module, root, release, control, fresh or push')
    .option('--name <name>', 'name of the key (default: its type)')
    .option('--force', 'replace a key that exists: the old one is lost for ever')
    .addHelpText('after', '\nKeys lie in IOT_HOST_KEYS, else in iot-host/keys in the user’s data folder.')
    .action(
      context.action(async (options: { type?: string; name?: string; force?: boolean }) => {
        const { generateKeys } = await import('../generate.js');
        return generateKeys(options, context.environment, context.output.paper.width);
      }),
    );
}
