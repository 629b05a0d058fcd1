import type { CommandSpec } from '../command.js';
import { collect } from '../list-option.js';

export const command: CommandSpec = {
  name: 'verify',
  summary: 'check a module’s claims, and that you trust who made them',
  group: 'Modules and keys:',
  build(command, context) {
    command
      .argument('<file>', 'signed module')
      .option('--issuer <key>', 'account key to believe: A…, a name or a file; repeat it', collect, [])
      .option('--trust <path>', 'trust document whose role "claims" is believed')
      .addHelpText(
        'after',
        '\nWith neither, what ./iot-host.yaml trusts is believed, or else your own account key.',
      )
      .action(
        context.action(async (file: string, flags: { issuer: string[]; trust?: string }) => {
          const { readSigned } = await import('../module/signed.js');
          const { trustedIssuers } = await import('../module/issuers.js');
          const { requireIssuer } = await import('../../trust/wascap/index.js');
          const { claimsText } = await import('../module/claims-text.js');
          const { claims } = await readSigned(file);
          const { source, keys } = await trustedIssuers(flags, context.environment);
          requireIssuer(claims, keys);
          return {
            data: { file, trustedBy: source, claims },
            text: [`${file} is genuine and trusted by ${source}`, ...claimsText(claims)],
          };
        }),
      );
  },
};
