import type { Command } from 'commander';
import { IotError } from '../../../base/errors.js';
import { ROLES, type RoleName } from '../../../trust/document/document.js';
import type { Context } from '../../context.js';
import { type ChosenOptions, chosenOptions } from '../../device/chosen.js';
import { connectionOptions } from '../../device/options.js';
import { collect } from '../../list-option.js';
import {
  type EditFlags,
  recoveryOptions,
  roleOptions,
  type SignFlags,
  sendLine,
  signOption,
} from './options.js';

interface TrustOptions extends EditFlags, SignFlags, ChosenOptions {
  readonly role?: string;
  readonly root: readonly string[];
  readonly release: readonly string[];
  readonly claims: readonly string[];
  readonly control: readonly string[];
  readonly fresh: readonly string[];
  readonly push: readonly string[];
}

export function buildTrust(command: Command, context: Context): void {
  command
    .description('make the trust document of devices, or its next version; --device or --all sends it')
    .argument('[arguments...]', 'folder of the document (default: ./trust), and keys that get --role')
    .option('--root <key>', 'may replace the document', collect, [])
    .option('--release <key>', 'may sign pushes', collect, [])
    .option('--claims <key>', 'account key whose modules are believed', collect, [])
    .option('--control <key>', 'may send requests to devices', collect, [])
    .option('--fresh <key>', 'may tell devices what is the newest for them', collect, [])
    .option('--push <key>', 'may sign pushes to devices in development', collect, [])
    .option('--role <role>', 'role of the keys among the arguments');
  roleOptions(command);
  recoveryOptions(command);
  connectionOptions(
    chosenOptions(command),
    'send the device the versions that it lacks; several with commas',
  );
  signOption(command)
    .addHelpText(
      'after',
      '\nA key is a name in the key folder, a file, a public key or a thumbprint. A first document takes the usual' +
        '\nfour when none is given. Writes root.cbor; the version before it stays as root.<version>.cbor.',
    )
    .action(
      context.action(async (args: string[], options: TrustOptions) => {
        const { trustKeys } = await import('../trust/trust.js');
        const { editOf } = await import('../trust/flags.js');
        const { summary } = await import('../trust/summary.js');
        const { looksLikeKey } = await import('../public-key.js');
        const folders = args.filter((arg) => !looksLikeKey(arg));
        if (folders.length > 1) {
          throw new IotError('E_USAGE', `one folder at a time: ${folders.join(', ')}`, {
            hint: 'a key is given as --release NAME',
          });
        }
        const trusted = byRole(options, args.filter(looksLikeKey));
        const folder = folders[0] ?? 'trust';
        const issued = await trustKeys(folder, trusted, editOf(options), options.sign, context.environment);
        if (!isSent(options)) return summary(issued, issued.changed ? [sendLine(folder)] : []);
        const { sendTrust } = await import('../trust/send.js');
        const { data, text, failure } = await sendTrust(folder, options, context);
        const shown = summary(issued);
        return {
          data: { ...(shown.data as object), devices: data },
          text: [...(issued.changed ? shown.text : []), ...text],
          failure,
        };
      }),
    );
}

/** Only where the line says so: a document that was just made is looked at first. */
const isSent = ({ device, all, label }: ChosenOptions) =>
  device !== undefined || all === true || label.length > 0;

function byRole(options: TrustOptions, keys: readonly string[]): Partial<Record<RoleName, string[]>> {
  const trusted: Partial<Record<RoleName, string[]>> = {};
  for (const role of ROLES) if (options[role].length > 0) trusted[role] = [...options[role]];
  if (keys.length === 0 && options.role === undefined) return trusted;
  const role = ROLES.find((name) => name === options.role);
  if (role === undefined || keys.length === 0) {
    throw new IotError('E_USAGE', 'a key and its role go together', {
      hint: `iot-host keys trust KEY --role ${ROLES.join(' | ')}`,
    });
  }
  trusted[role] = [...(trusted[role] ?? []), ...keys];
  return trusted;
}
