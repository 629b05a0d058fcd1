import { existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A compiler that is not there fails the test that needs it: the same command that runs the tests installs it. */
function missing(what: string): Error {
  return new Error(
    `${what} is missing, needed to build a test guest: npm test (or scripts/setup test) installs it`,
  );
}

/** The file itself, so that what is hashed and what is run are the same. */
export function tool(path: string): string {
  if (!existsSync(path)) throw missing(path);
  return path;
}

function onPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Newest version first; without a number last. */
const LLVM_VERSIONS = [...Array.from({ length: 17 }, (_, index) => `-${30 - index}`), ''];

/** The newest clang that has a wasm-ld beside it. */
export function llvm(): { clang: string; clangxx: string; ld: string } {
  for (const version of LLVM_VERSIONS) {
    const [clang, clangxx, ld] = [`clang${version}`, `clang++${version}`, `wasm-ld${version}`].map(onPath);
    if (clang !== undefined && clangxx !== undefined && ld !== undefined) return { clang, clangxx, ld };
  }
  throw missing('clang with wasm-ld');
}

/** Debian's compiler, not one that rustup may have put in front of it: only that has the targets. */
export const RUSTC = '/usr/bin/rustc';
const RUST_TARGETS = '/usr/lib/rustlib';

/** The first of the names under which Rust has had a target. */
export function rustTarget(...names: readonly string[]): string {
  tool(RUSTC);
  const found = names.find((name) => existsSync(join(RUST_TARGETS, name)));
  if (found === undefined) throw missing(`Rust's ${names.join(' or ')}`);
  return found;
}

/** Changes when another version of a tool is installed. */
export function identity(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${path} ${size} ${mtimeMs}`;
}
