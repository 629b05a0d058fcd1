import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { IotError } from '../../base/errors.js';
import type { KeyPair } from '../../trust/nkeys/index.js';
import { signModule, verifyModule } from '../../trust/wascap/index.js';
import type { SignFlags } from '../commands/sign.js';
import type { Context } from '../context.js';
import { hasKey } from '../keys/folder.js';
import { make } from '../keys/generate.js';
import { readKey } from '../keys/read.js';
import type { Result } from '../result.js';
import { claimsText } from './claims-text.js';
import { parseInstant } from './instant.js';
import { readModule, stem } from './read.js';

/** Signs, reads back what was signed, and puts it in place as a whole. */
export async function signFile(
  file: string,
  output: string,
  flags: SignFlags,
  context: Context,
): Promise<Result> {
  const code = await readModule(file);
  const name = flags.name ?? stem(file);
  const { cap: caps, tag: tags, rev, ver, callAlias, provider = false } = flags;
  const signed = signModule(code, {
    account: await readKey(flags.account, context.environment),
    module: await moduleKey(flags.module, name, context),
    name,
    caps,
    tags,
    rev,
    ver,
    callAlias,
    provider,
    expires: flags.expires === undefined ? undefined : parseInstant(flags.expires),
    notBefore: flags.notBefore === undefined ? undefined : parseInstant(flags.notBefore),
  });
  const claims = verifyModule(signed);
  await replaceFile(output, signed);
  return {
    data: { file: output, size: signed.length, claims },
    text: [`signed: ${output}`, ...claimsText(claims)],
  };
}

/** The identity of a module is a key of its own: two actors that shared one would pass for versions of each other. */
async function moduleKey(given: string | undefined, name: string, context: Context): Promise<KeyPair> {
  const { environment, output } = context;
  const key =
    given ??
    `module-${name
      .trim()
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]+/g, '-')}`;
  if (given === undefined && !(await hasKey(key, environment))) {
    const { file } = await make('module', key, false, environment);
    output.note(`made the key ${key}, the identity of ${name} from now on: keep ${file}`);
  }
  return readKey(key, environment);
}

async function replaceFile(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    const why = (thrown as NodeJS.ErrnoException).code ?? String(thrown);
    throw new IotError('E_USAGE', `${file} cannot be written: ${why}`, { cause: thrown });
  }
}
