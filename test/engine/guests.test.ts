import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bytes, failureOf, LIMITS, quietHost, replyOf, run, text } from './support.js';

// Inside the project, so that the AssemblyScript compiler finds node_modules.
const directory = mkdtempSync(join(resolve('dist'), 'test-guests-'));
const scratch = mkdtempSync(join(tmpdir(), 'iot-host-guests-'));
afterAll(() => {
  for (const one of [directory, scratch]) rmSync(one, { recursive: true });
});

function build(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} failed:\n${stderr}`);
}

describe('a guest in AssemblyScript with @wapc/as-guest', () => {
  const compile = (): Uint8Array => {
    writeFileSync(
      join(directory, 'hello.ts'),
      `import { register, handleCall, handleAbort, hostCall, consoleLog } from "@wapc/as-guest";
       import { Result } from "@wapc/as-guest/assembly";
       export function wapc_init(): void {
         register("hello", (payload: ArrayBuffer): Result<ArrayBuffer> =>
           Result.ok(String.UTF8.encode("Hello, " + String.UTF8.decode(payload) + "!")));
         register("relay", (payload: ArrayBuffer): Result<ArrayBuffer> => hostCall("", "test", "echo", payload));
         register("log", (payload: ArrayBuffer): Result<ArrayBuffer> => {
           consoleLog(String.UTF8.decode(payload));
           return Result.ok(new ArrayBuffer(0));
         });
         register("fail", (payload: ArrayBuffer): Result<ArrayBuffer> => Result.error<ArrayBuffer>(new Error("no luck")));
         register("crash", (payload: ArrayBuffer): Result<ArrayBuffer> => {
           assert(payload.byteLength > 1000, "too short");
           return Result.ok(payload);
         });
       }
       export function __guest_call(operation_size: usize, payload_size: usize): bool {
         return handleCall(operation_size, payload_size);
       }
       export function abort(message: string | null, fileName: string | null, line: u32, column: u32): void {
         handleAbort(message, fileName, line, column);
       }`,
    );
    const disabled = ['bulk-memory', 'sign-extension', 'nontrapping-f2i', 'mutable-globals'];
    const flags = ['-Oz', '--runtime', 'incremental', '--use', 'abort=hello/abort'];
    const asc = resolve('node_modules/assemblyscript/bin/asc.js');
    const off = disabled.flatMap((feature) => ['--disable', feature]);
    build(process.execPath, [asc, 'hello.ts', '-o', 'hello.wasm', ...flags, ...off], directory);
    return readFileSync(join(directory, 'hello.wasm'));
  };
  const limits = { ...LIMITS, memoryPages: 20, fuelPerCall: 5_000_000 };

  it('is started, called and answers', () => {
    const host = quietHost((binding, namespace, operation, payload) =>
      bytes(`${binding} ${namespace} ${operation} ${text(payload)}`),
    );
    const module = compile();
    using instance = run(module, host, limits);
    expect(text(replyOf(instance.call('hello', bytes('wörld'))))).toBe('Hello, wörld!');
    expect(text(replyOf(instance.call('relay', bytes('x'))))).toBe('default test echo x');
    expect(instance.call('log', bytes('line')).ok).toBe(true);
    expect(host.lines).toEqual(['line']);
    expect(failureOf(instance.call('fail', bytes('')))).toMatchObject({
      code: 'E_GUEST',
      message: 'no luck',
      fatal: false,
    });
    expect(failureOf(instance.call('none', bytes('')))).toMatchObject({
      code: 'E_GUEST',
      message: 'Could not find function "none"',
    });

    const pages = instance.memoryPages;
    for (let i = 0; i < 2000; i++) instance.call('hello', bytes(`visitor ${i}`));
    expect(instance.memoryPages).toBe(pages);

    expect(failureOf(instance.call('crash', bytes('x')))).toMatchObject({ fatal: true });
  });
});

describe('a guest in C', () => {
  const source = `
    #define IMPORT(name) __attribute__((import_module("wapc"), import_name(#name)))
    IMPORT(__guest_request) void guest_request(char *operation, char *payload);
    IMPORT(__guest_response) void guest_response(const char *data, unsigned length);
    IMPORT(__guest_error) void guest_error(const char *text, unsigned length);
    static char operation[32], payload[4096];
    __attribute__((export_name("__guest_call"))) int guest_call(unsigned operation_length, unsigned length) {
      if (operation_length > sizeof operation || length > sizeof payload) { guest_error("too long", 8); return 0; }
      guest_request(operation, payload);
      for (unsigned i = 0; i < length / 2; i++) {
        char c = payload[i]; payload[i] = payload[length - 1 - i]; payload[length - 1 - i] = c;
      }
      guest_response(payload, length);
      return 1;
    }`;

  it('is called and answers', () => {
    writeFileSync(join(scratch, 'guest.c'), source);
    build(
      'clang-14',
      [
        '--target=wasm32',
        '-Oz',
        '-nostdlib',
        '-fno-builtin',
        '-Wl,--no-entry',
        '-Wl,-z,stack-size=4096',
        '-Wl,--strip-all',
        '-o',
        'guest.wasm',
        'guest.c',
      ],
      scratch,
    );
    using instance = run(readFileSync(join(scratch, 'guest.wasm')));
    expect(text(replyOf(instance.call('reverse', bytes('stressed'))))).toBe('desserts');
    expect(failureOf(instance.call('reverse', new Uint8Array(4097)))).toMatchObject({
      code: 'E_GUEST',
      message: 'too long',
    });
    expect(replyOf(instance.call('reverse', new Uint8Array(4096)))).toHaveLength(4096);
  });
});
