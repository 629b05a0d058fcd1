import type { Command } from 'commander';
import { IotError } from '../../base/errors.js';
import type { CommandSpec } from '../command.js';
import type { Context } from '../context.js';
import { collect } from '../list-option.js';

export const command: CommandSpec = {
  name: 'keys',
  summary: 'make keys, show them, and say what they may do',
  group: 'Modules and keys:',
  build(command, context) {
    buildGen(command.command('gen'), context);
    buildList(command.command('list'), context);
    buildTrust(command.command('trust'), context);
  },
};

function buildGen(command: Command, context: Context): void {
  command
    .description('make the usual keys that are missing, or the one that is named')
    .option('--type <type>', 'account, module, root, release or control')
    .option('--name <name>', 'name of the key (default: its type)')
    .option('--force', 'replace a key that exists: the old one is lost for ever')
    .addHelpText('after', '\nKeys lie in IOT_HOST_KEYS, else in iot-host/keys in the user’s data folder.')
    .action(
      context.action(async (options: { type?: string; name?: string; force?: boolean }) => {
        const { generateKeys } = await import('../keys/generate.js');
        return generateKeys(options, context.environment);
      }),
    );
}

function buildList(command: Command, context: Context): void {
  command.description('show the public halves of the keys here').action(
    context.action(async () => {
      const { listKeys } = await import('../keys/list.js');
      return listKeys(context.environment);
    }),
  );
}

interface TrustOptions {
  readonly role?: string;
  readonly root: readonly string[];
  readonly release: readonly string[];
  readonly claims: readonly string[];
  readonly control: readonly string[];
  readonly sign: readonly string[];
}

const ROLE_NAMES = ['root', 'release', 'claims', 'control'] as const;
type GivenRole = (typeof ROLE_NAMES)[number];

function buildTrust(command: Command, context: Context): void {
  command
    .description('make the trust document of devices, or its next version with more keys')
    .argument('[arguments...]', 'folder of the document (default: ./trust), and keys that get --role')
    .option('--root <key>', 'may replace the document', collect, [])
    .option('--release <key>', 'may sign pushes', collect, [])
    .option('--claims <key>', 'account key whose modules are believed', collect, [])
    .option('--control <key>', 'may send requests to devices', collect, [])
    .option('--role <role>', 'role of the keys among the arguments')
    .option('--sign <key>', 'root key that signs the document (default: root)', collect, [])
    .addHelpText(
      'after',
      '\nA key is a name in the key folder, a file, a public key or a thumbprint; with none given, the usual' +
        '\nfour are taken. Writes root.cbor; the version before it stays as root.<version>.cbor.',
    )
    .action(
      context.action(async (args: string[], options: TrustOptions) => {
        const { trustKeys } = await import('../keys/trust.js');
        const { looksLikeKey } = await import('../keys/public-key.js');
        const folders = args.filter((arg) => !looksLikeKey(arg));
        if (folders.length > 1) {
          throw new IotError('E_USAGE', `one folder at a time: ${folders.join(', ')}`, {
            hint: 'a key is given as --release NAME',
          });
        }
        const trusted = byRole(options, args.filter(looksLikeKey));
        return trustKeys(folders[0] ?? 'trust', trusted, options.sign, context.environment);
      }),
    );
}

function byRole(options: TrustOptions, keys: readonly string[]): Partial<Record<GivenRole, string[]>> {
  const trusted: Partial<Record<GivenRole, string[]>> = {};
  for (const role of ROLE_NAMES) if (options[role].length > 0) trusted[role] = [...options[role]];
  if (keys.length === 0 && options.role === undefined) return trusted;
  const role = ROLE_NAMES.find((name) => name === options.role);
  if (role === undefined || keys.length === 0) {
    throw new IotError('E_USAGE', 'a key and its role go together', {
      hint: `iot-host keys trust KEY --role ${ROLE_NAMES.join(' | ')}`,
    });
  }
  trusted[role] = [...(trusted[role] ?? []), ...keys];
  return trusted;
}
