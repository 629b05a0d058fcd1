import { createHash } from 'node:crypto';
import { encodePayload } from '#runtime/base/codec.js';
import type { CheckedModule } from '#runtime/host/update.js';
import { wat } from './wat.js';

export interface GuestOptions {
  /** Answer of `Version`. */
  version?: string;
  /** What happens on operations that begin with the letter: `T` traps, `L` loops without end, `R` traps on `Start`. */
  startTraps?: boolean;
  /** `Start` does what `Key` does. */
  startCallsHost?: boolean;
  /** Before that it does what `Depth` does, and goes on whatever the answer is. */
  startTriesMore?: boolean;
  echoTraps?: boolean;
  echoLoops?: boolean;
  healthTraps?: boolean;
  healthLoops?: boolean;
  initCallsHost?: boolean;
  /** Length of the lines of `Write`, from memory that is mostly zeroes; default 14. */
  logBytes?: number;
  /** Answer to every operation that has no meaning of its own; default empty. */
  reply?: Uint8Array;
  /** Memory at the start in 64 KiB pages, and one more at most; default 1. */
  pages?: number;
  key?: string;
  callAlias?: string;
  capabilities?: string[];
}

const hex = (bytes: Uint8Array) => [...bytes].map((b) => `\\${b.toString(16).padStart(2, '0')}`).join('');
const text = (s: string) => hex(new TextEncoder().encode(s));
const ADD = encodePayload('msgpack', { key: 'n', value: 1 });

/** The payload of `Pass`: which host call to make. */
export function passed(
  binding: string,
  namespace: string,
  operation: string,
  payload: Uint8Array,
): Uint8Array {
  const names = [binding, namespace, operation].map((name) => new TextEncoder().encode(name));
  return Buffer.concat([Uint8Array.from(names.map(({ length }) => length)), ...names, payload]);
}

/**
 * A small waPC guest. `Echo` gives the payload back, `Key` does wascc:keyvalue Add{key: "n", value: 1} and gives the
 * provider's answer or error on, `Version` its version, `Trap` and `Loop` what they say, `Depth` a host call to an
 * unknown capability, `Write` logs in a loop without end, `Recurse` calls itself, `Big` answers with 60,001 bytes,
 * `Grow` asks for a page of memory and answers with what it got (i32), `Ask` does what `Key` does in a loop without end, `Pass` makes the host
 * call in its payload (see `passed`) and gives its answer or error on, anything else an empty answer.
 */
export function guestModule(options: GuestOptions = {}): CheckedModule {
  const version = options.version ?? '1';
  const reply = options.reply ?? new Uint8Array(0);
  const keyCall = `(call $host_call (i32.const 0) (i32.const 0) (i32.const 2048) (i32.const 14) (i32.const 2080) (i32.const 3) (i32.const 2112) (i32.const ${ADD.length}))`;
  const depthCall =
    '(call $host_call (i32.const 0) (i32.const 0) (i32.const 2300) (i32.const 12) (i32.const 2080) (i32.const 3) (i32.const 0) (i32.const 0))';
  const bytes = wat(`(module
    (import "wapc" "__guest_request" (func $request (param i32 i32)))
    (import "wapc" "__guest_response" (func $response (param i32 i32)))
    (import "wapc" "__guest_error" (func $error (param i32 i32)))
    (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
    (import "wapc" "__host_response" (func $host_response (param i32)))
    (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
    (import "wapc" "__host_error" (func $host_error (param i32)))
    (import "wapc" "__console_log" (func $log (param i32 i32)))
    (memory (export "memory") ${options.pages ?? 1} ${(options.pages ?? 1) + 1})
    (data (i32.const 2048) "wascc:keyvalue") (data (i32.const 2080) "Add") (data (i32.const 2112) "${hex(ADD)}")
    (data (i32.const 3000) "${hex(reply)}")
    (data (i32.const 2200) "${text(version)}") (data (i32.const 2300) "acme:nothing")
    (func $end (loop $again (br $again)))
    (func $recurse (result i32) (i32.add (i32.const 1) (call $recurse)))
    (func $write (loop $again (call $log (i32.const 2048) (i32.const ${options.logBytes ?? 14})) (br $again)))
    (func $ask (loop $again (drop ${keyCall}) (br $again)))
    (func $passOn (param $ok i32) (result i32)
      (if (local.get $ok)
        (then (call $host_response (i32.const 8192)) (call $response (i32.const 8192) (call $host_response_len)))
        (else (call $host_error (i32.const 8192)) (call $error (i32.const 8192) (call $host_error_len))))
      (local.get $ok))
    (func $pass (param $length i32) (result i32)
      (local $a i32) (local $b i32) (local $c i32)
      (local.set $a (i32.load8_u (i32.const 16384)))
      (local.set $b (i32.load8_u (i32.const 16385)))
      (local.set $c (i32.load8_u (i32.const 16386)))
      (call $host_call
        (i32.const 16387) (local.get $a)
        (i32.add (i32.const 16387) (local.get $a)) (local.get $b)
        (i32.add (i32.const 16387) (i32.add (local.get $a) (local.get $b))) (local.get $c)
        (i32.add (i32.const 16387) (i32.add (local.get $a) (i32.add (local.get $b) (local.get $c))))
        (i32.sub (local.get $length) (i32.add (i32.const 3) (i32.add (local.get $a) (i32.add (local.get $b) (local.get $c)))))))
    ${options.initCallsHost === true ? `(func (export "wapc_init") (if (i32.eqz ${keyCall}) (then (unreachable))))` : ''}
    (func (export "__guest_call") (param $opLength i32) (param $length i32) (result i32)
      (local $op i32)
      (call $request (i32.const 16) (i32.const 16384))
      (local.set $op (i32.load8_u (i32.const 16)))
      (if (i32.eq (local.get $op) (i32.const ${'E'.charCodeAt(0)}))
        (then
          ${options.echoTraps === true ? '(unreachable)' : ''} ${options.echoLoops === true ? '(call $end)' : ''}
          (call $response (i32.const 16384) (local.get $length)) (return (i32.const 1))))
      (if (i32.eq (local.get $op) (i32.const ${'K'.charCodeAt(0)})) (then (return (call $passOn ${keyCall}))))
      (if (i32.eq (local.get $op) (i32.const ${'P'.charCodeAt(0)}))
        (then (return (call $passOn (call $pass (local.get $length))))))
      (if (i32.eq (local.get $op) (i32.const ${'D'.charCodeAt(0)}))
        (then (return (call $passOn ${depthCall}))))
      (if (i32.eq (local.get $op) (i32.const ${'V'.charCodeAt(0)}))
        (then (call $response (i32.const 2200) (i32.const ${version.length})) (return (i32.const 1))))
      (if (i32.eq (local.get $op) (i32.const ${'T'.charCodeAt(0)})) (then (unreachable)))
      (if (i32.eq (local.get $op) (i32.const ${'L'.charCodeAt(0)})) (then (call $end)))
      (if (i32.eq (local.get $op) (i32.const ${'R'.charCodeAt(0)})) (then (return (call $recurse))))
      (if (i32.eq (local.get $op) (i32.const ${'B'.charCodeAt(0)}))
        (then (call $response (i32.const 0) (i32.const 60001)) (return (i32.const 1))))
      (if (i32.eq (local.get $op) (i32.const ${'G'.charCodeAt(0)}))
        (then
          (i32.store (i32.const 8192) (memory.grow (i32.const 1)))
          (call $response (i32.const 8192) (i32.const 4)) (return (i32.const 1))))
      (if (i32.eq (local.get $op) (i32.const ${'W'.charCodeAt(0)})) (then (call $write)))
      (if (i32.eq (local.get $op) (i32.const ${'A'.charCodeAt(0)})) (then (call $ask)))
      (if (i32.eq (local.get $op) (i32.const ${'H'.charCodeAt(0)}))
        (then ${options.healthTraps === true ? '(unreachable)' : ''} ${options.healthLoops === true ? '(call $end)' : ''}))
      ${options.startCallsHost === true ? `(if (i32.eq (local.get $op) (i32.const ${'S'.charCodeAt(0)})) (then ${options.startTriesMore === true ? `(drop ${depthCall})` : ''} (return (call $passOn ${keyCall}))))` : ''}
      ${options.startTraps === true ? `(if (i32.eq (local.get $op) (i32.const ${'S'.charCodeAt(0)})) (then (unreachable)))` : ''}
      (call $response (i32.const 3000) (i32.const ${reply.length}))
      (i32.const 1)))`);
  return {
    bytes,
    digest: createHash('sha256').update(bytes).digest('hex'),
    key: options.key ?? 'MTEST',
    name: 'guest',
    version,
    capabilities: options.capabilities ?? ['wascc:keyvalue'],
    ...(options.callAlias === undefined ? {} : { callAlias: options.callAlias }),
  };
}
