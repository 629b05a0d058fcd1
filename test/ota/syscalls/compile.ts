import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import type { Cleanup } from '../../helpers/cleanup.js';

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
};

/**
 * Makes a file of the tests, with those that it imports, into one that Node can start; its path. The types are checked
 * with all others. It lands in `dist/`, where `#runtime/…` is what it is for every test.
 */
export async function compiled(cleanup: Cleanup, entry: string): Promise<string> {
  await mkdir('dist', { recursive: true });
  const folder = await mkdtemp(resolve('dist', 'test-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  const target = (source: string) => join(folder, relative('test', source)).replace(/ts$/, 'js');
  const found = new Set([resolve(entry)]);
  for (const source of found) {
    const text = await readFile(source, 'utf8');
    for (const { fileName } of ts.preProcessFile(text).importedFiles) {
      if (fileName.startsWith('.')) found.add(resolve(dirname(source), fileName.replace(/js$/, 'ts')));
    }
    await mkdir(dirname(target(source)), { recursive: true });
    await writeFile(target(source), ts.transpileModule(text, { compilerOptions: OPTIONS }).outputText);
  }
  return target(resolve(entry));
}
