import { resolve } from 'node:path';
import { llvm, RUSTC, rustTarget, tool } from './toolchain.js';

/** How one guest is built from files in `src/`. Commands run in a folder that holds copies of them. */
export interface Recipe {
  /** The first is the one to compile; `.as` are AssemblyScript and compiled under the name `.ts`. */
  readonly sources: readonly string[];
  /** Called only when the guest is needed: throws when its compiler is missing. Leaves `OUTPUT` behind. */
  command(): Command;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

export const OUTPUT = 'out.wasm';

const clangFlags = (ld: string): string[] => [
  ...['--target=wasm32', '-mcpu=mvp', '-Wall', '-Wextra', '-Werror', '-Oz', '-nostdlib', '-fno-builtin'],
  ...[`-fuse-ld=${ld}`, '-Wl,--no-entry', '-Wl,-z,stack-size=4096', '-Wl,--strip-all'],
];

const rust = (target: string, source: string, ...flags: string[]): Command => ({
  program: RUSTC,
  args: [
    ...['--target', target, '-C', `linker=${llvm().ld}`, '-C', 'linker-flavor=wasm-ld'],
    ...['-C', 'target-cpu=mvp', ...flags, '-o', OUTPUT, source],
  ],
});

const SMALL_RUST = [
  ...['--edition', '2021', '-C', 'opt-level=z', '-C', 'lto=fat', '-C', 'panic=abort', '-C', 'strip=symbols'],
  ...['-C', 'link-arg=-zstack-size=4096'],
];

/** As actors were built in 2020, but for Debian's debug notes of the standard library, which alone are 5 MB. */
const OLD_RUST = ['--edition', '2018', '--crate-type', 'cdylib', '-C', 'link-arg=--strip-debug'];
const PUBLISHED = ['published.rs', 'msgpack.rs', 'wapc.rs'];
const UNKNOWN = 'wasm32-unknown-unknown';

const assemblyScript = (source: string, ...flags: string[]): Recipe => ({
  sources: [`${source}.as`],
  command: () => ({
    program: process.execPath,
    args: [
      ...[
        tool(resolve('node_modules/assemblyscript/bin/asc.js')),
        `${source}.ts`,
        '-o',
        OUTPUT,
        '-Oz',
        ...flags,
      ],
      ...['bulk-memory', 'sign-extension', 'nontrapping-f2i', 'mutable-globals'].flatMap((one) => [
        '--disable',
        one,
      ]),
    ],
  }),
});

export const RECIPES = {
  wat: {
    sources: ['guest.wat'],
    command: () => ({
      program: process.execPath,
      args: [tool(resolve('node_modules/wabt/bin/wat2wasm')), 'guest.wat', '-o', OUTPUT],
    }),
  },
  c: {
    sources: ['guest.c'],
    command() {
      const { clang, ld } = llvm();
      return { program: clang, args: [...clangFlags(ld), '-o', OUTPUT, 'guest.c'] };
    },
  },
  cpp: {
    sources: ['guest.cpp'],
    command() {
      const { clangxx, ld } = llvm();
      const language = ['-std=c++17', '-fno-exceptions', '-fno-rtti'];
      return { program: clangxx, args: [...clangFlags(ld), ...language, '-o', OUTPUT, 'guest.cpp'] };
    },
  },
  rustNoStd: {
    sources: ['rust_no_std.rs'],
    command: () => rust(rustTarget(UNKNOWN), 'rust_no_std.rs', ...SMALL_RUST, '--crate-type', 'cdylib'),
  },
  rustStd: {
    sources: ['rust_std.rs', 'wapc.rs'],
    command: () => rust(rustTarget(UNKNOWN), 'rust_std.rs', ...SMALL_RUST, '--crate-type', 'cdylib'),
  },
  rustWasi: {
    sources: ['rust_std.rs', 'wapc.rs'],
    command: () =>
      rust(rustTarget('wasm32-wasi', 'wasm32-wasip1'), 'rust_std.rs', ...SMALL_RUST, '--crate-type', 'bin'),
  },
  zig: {
    sources: ['guest.zig'],
    command: () => ({
      program: tool(resolve('test/guests/node_modules/.bin/zig')),
      args: [
        ...[
          'build-lib',
          '-dynamic',
          '-rdynamic',
          '-target',
          'wasm32-freestanding',
          '-mcpu=mvp',
          '-O',
          'ReleaseSmall',
        ],
        ...['-fstrip', '--stack', '4096', 'guest.zig', `-femit-bin=${OUTPUT}`],
      ],
    }),
  },
  asGuest: assemblyScript('as_guest', '--runtime', 'incremental', '--use', 'abort=as_guest/abort'),
  asOwn: assemblyScript(
    'as_own',
    ...['--runtime', 'stub', '--exportStart', 'wapc_init', '--initialMemory', '1'],
    ...['--use', 'abort=../../../actors/sdk/assemblyscript/assembly/abort/actorAbort'],
  ),
  asEnv: assemblyScript('as_env', '--runtime', 'incremental'),
  publishedA: {
    sources: PUBLISHED,
    command: () =>
      rust(rustTarget(UNKNOWN), 'published.rs', ...OLD_RUST, '-C', 'opt-level=3', '--cfg', 'generation_a'),
  },
  publishedB: {
    sources: PUBLISHED,
    command: () => rust(rustTarget(UNKNOWN), 'published.rs', ...OLD_RUST, '-C', 'opt-level=3'),
  },
  /** The same with nearly all of the standard library in it: some 400 kB of code. */
  publishedLarge: {
    sources: PUBLISHED,
    command: () =>
      rust(
        rustTarget(UNKNOWN),
        'published.rs',
        ...[...OLD_RUST, '-C', 'opt-level=1', '-C', 'link-arg=--no-gc-sections'],
      ),
  },
} satisfies Record<string, Recipe>;

export type GuestName = keyof typeof RECIPES;
