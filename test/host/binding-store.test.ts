import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BindingStore } from '#runtime/host/binding-store.js';
import { temporaryDir } from '../helpers/providers.js';

let dir: ReturnType<typeof temporaryDir>;
beforeEach(() => {
  dir = temporaryDir();
});
afterEach(() => dir.remove());
const file = () => join(dir.path, 'bindings.json');
const binding = (name: string, more = {}) => ({ contract: 'iot:mqtt', name, ...more });

async function loaded(): Promise<BindingStore> {
  const store = new BindingStore(file());
  await store.load();
  return store;
}

describe('the store of bindings', () => {
  it('is empty at first, and gives back what was put, the last of the same name', async () => {
    const store = await loaded();
    expect(store.slots()).toEqual([]);
    expect(store.list('toString')).toEqual([]);
    await store.put('a', binding('default', { publish: ['x'] }));
    await store.put('a', binding('default', { publish: ['y'] }));
    await store.put('b', binding('other'));
    const again = await loaded();
    expect(again.slots()).toEqual(['a', 'b']);
    expect(again.list('a')).toEqual([binding('default', { publish: ['y'] })]);
  });

  it('loses none of those put at the same time', async () => {
    const store = await loaded();
    const names = Array.from({ length: 20 }, (_, n) => `b${n}`);
    await Promise.all(names.map((name) => store.put('a', binding(name, { pad: name.repeat(50) }))));
    expect((await loaded()).list('a').map(({ name }) => name)).toEqual(names);
  });

  it('goes on after a write that failed, without what was not written', async () => {
    const store = new BindingStore(join(dir.path, 'file', 'bindings.json'));
    await writeFile(join(dir.path, 'file'), '');
    await expect(store.put('a', binding('default'))).rejects.toThrow();
    expect(store.list('a')).toEqual([]);
  });

  it.each([
    ['cut off', '{"a": ['],
    ['empty', ''],
    ['of another shape', '{"a": {"contract": "iot:mqtt"}}'],
    ['with an impossible name', '{"../a": []}'],
  ])('says so when its file is %s, and leaves it as it is', async (_what, content) => {
    await writeFile(file(), content);
    await expect(loaded()).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining(file()),
      hint: expect.stringContaining('delete it'),
    });
    expect(await readFile(file(), 'utf8')).toBe(content);
  });
});
