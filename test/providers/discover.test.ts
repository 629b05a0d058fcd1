import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadContracts } from '#runtime/providers/discover.js';
import { failure, temporaryDir } from '../helpers/providers.js';

const base = new URL('../../dist/runtime/base/contract.js', import.meta.url).href;
const zod = import.meta.resolve('zod');

/** The whole of a new provider: one folder with one file. */
const contractFile = (id: string) => `
  import { z } from '${zod}';
  import { defineContract, operation } from '${base}';
  const implementation = { settings: z.strictObject({}), create: () => ({ echo: (text) => text }) };
  export default defineContract({
    id: '${id}', codec: 'cbor', summary: 'says it back', grant: z.strictObject({}),
    operations: { Echo: operation({
      request: z.object({ text: z.string() }),
      authorize() {},
      perform: (provider, _session, { text }) => ({ text: provider.echo(text) }),
    }) },
    implementations: { own: async () => implementation }, defaultImplementation: 'own',
  });`;

describe('loadContracts', () => {
  let dir = { path: '', remove() {} };
  beforeEach(() => {
    dir = temporaryDir();
  });
  afterEach(() => dir.remove());
  const add = (folder: string, text: string) => {
    mkdirSync(join(dir.path, folder), { recursive: true });
    writeFileSync(join(dir.path, folder, 'contract.js'), text);
  };
  const load = () => loadContracts(pathToFileURL(`${dir.path}/`));

  it('finds the built-in contracts', async () => {
    const ids = [...(await loadContracts()).keys()];
    expect(ids).toEqual(
      expect.arrayContaining([
        ...['iot:gpio', 'iot:mqtt', 'iot:timer', 'wascc:extras', 'wascc:http_client', 'wascc:http_server'],
        ...['wascc:keyvalue', 'wascc:logging', 'wascc:messaging'],
      ]),
    );
  });

  it('finds a contract that was added as one folder', async () => {
    add('acme-echo', contractFile('acme:echo'));
    mkdirSync(join(dir.path, 'empty'));
    writeFileSync(join(dir.path, 'stray.js'), 'throw new Error("never loaded")');
    const contracts = await load();
    expect([...contracts.keys()]).toEqual(['acme:echo']);
    const echo = contracts.get('acme:echo')?.contract;
    const provider = (await echo?.loadImplementation('own'))?.create({}, {} as never);
    const grant = echo?.parseGrant({});
    // {"text": "hi"} in CBOR, there and back
    const bytes = Buffer.from('a16474657874626869', 'hex');
    const reply = await echo?.handle(provider, { actor: 'a', binding: 'default', grant }, 'Echo', bytes);
    expect(Buffer.from(reply ?? []).toString('hex')).toBe('a16474657874626869');
  });

  it('names a folder that is broken, and an id used twice', async () => {
    add('a', contractFile('acme:echo'));
    add('b', contractFile('acme:echo'));
    expect(await failure(load)).toBe('E_CONFIG capability acme:echo is declared twice, the second time in b');
    dir.remove();
    add('c', 'export const contract = 1;');
    expect(await failure(load)).toContain('c/contract.js has no contract as its default export');
    dir.remove();
    add('d', 'import "./missing.js"; export default 1;');
    expect(await failure(load)).toContain('d/contract.js cannot be loaded');
  });
});
