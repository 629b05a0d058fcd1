import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type GuestName, OUTPUT, RECIPES, type Recipe } from './recipes.js';
import { identity } from './toolchain.js';

const run = promisify(execFile);
const SOURCES = resolve('test/guests/src');
/** What the AssemblyScript guest with the own SDK is made of besides its source. */
const SDK = resolve('actors/sdk/assemblyscript/assembly');
/** Inside the project, so that the AssemblyScript compiler finds node_modules and the SDK. */
const OUT = resolve('dist/guests');

/**
 * A test guest, built when its sources, its recipe or its compiler are others than last time. Throws with what to
 * type when the compiler is missing, and with the compiler's words when it fails.
 */
export async function guestModule(name: GuestName): Promise<Uint8Array> {
  const recipe: Recipe = RECIPES[name];
  const file = join(OUT, `${name}-${hashOf(recipe)}.wasm`);
  if (!existsSync(file)) await build(recipe, file);
  return new Uint8Array(readFileSync(file));
}

function hashOf(recipe: Recipe): string {
  const { program, args } = recipe.command();
  const hash = createHash('sha256');
  for (const part of [program, ...args]) hash.update(`${isAbsolute(part) ? identity(part) : part}\0`);
  for (const source of recipe.sources) hash.update(readFileSync(join(SOURCES, source)));
  if (recipe.sources.some((source) => source.endsWith('.as')))
    for (const part of readdirSync(SDK)) hash.update(readFileSync(join(SDK, part)));
  return hash.digest('hex').slice(0, 16);
}

async function build(recipe: Recipe, file: string): Promise<void> {
  mkdirSync(OUT, { recursive: true });
  // Several test files may build the same guest at the same time: each in a folder of its own.
  const folder = mkdtempSync(join(OUT, 'build-'));
  try {
    for (const source of recipe.sources)
      await copyFile(join(SOURCES, source), join(folder, source.replace(/\.as$/, '.ts')));
    const { program, args } = recipe.command();
    const caches = { ZIG_GLOBAL_CACHE_DIR: join(folder, 'zig'), ZIG_LOCAL_CACHE_DIR: join(folder, 'zig') };
    await run(program, args, { cwd: folder, env: { ...process.env, ...caches } }).catch((thrown: unknown) => {
      const words = thrown instanceof Error && 'stderr' in thrown ? String(thrown.stderr) : String(thrown);
      throw new Error(`${basename(program)} could not build ${basename(file)}:\n${words}`);
    });
    renameSync(join(folder, OUTPUT), file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
