import { createHash } from 'node:crypto';
import { z } from 'zod';
import { encodePayload } from '#runtime/base/codec.js';
import {
  type Contract,
  defineContract,
  operation,
  type Provider,
  type Session,
} from '#runtime/base/contract.js';
import type { CheckedModule } from '#runtime/host/update.js';
import { wat } from './wat.js';

/** What came by MQTT and was handed on, as `iot:mqtt` delivers it. */
export interface Heard {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

const hex = (bytes: Uint8Array) => [...bytes].map((b) => `\\${b.toString(16).padStart(2, '0')}`).join('');

/** A guest that subscribes to `filter` when it starts and hands every message on to the contract `test:sink`. */
export function forwarder(filter: string): CheckedModule {
  const subscribe = encodePayload('cbor', { filter, qos: 1 });
  const bytes = wat(`(module
    (import "wapc" "__guest_request" (func $request (param i32 i32)))
    (import "wapc" "__guest_response" (func $response (param i32 i32)))
    (import "wapc" "__guest_error" (func $error (param i32 i32)))
    (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
    (import "wapc" "__host_error" (func $host_error (param i32)))
    (memory (export "memory") 24)
    (data (i32.const 100) "iot:mqttSubscribetest:sinkPut") (data (i32.const 300) "${hex(subscribe)}")
    (func (export "__guest_call") (param $opLength i32) (param $length i32) (result i32)
      (local $ok i32)
      (call $request (i32.const 16) (i32.const 65536))
      (local.set $ok (i32.const 1))
      (if (i32.eq (i32.load8_u (i32.const 16)) (i32.const ${'S'.charCodeAt(0)}))
        (then (local.set $ok (call $host_call (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 8)
          (i32.const 108) (i32.const 9) (i32.const 300) (i32.const ${subscribe.length})))))
      (if (i32.eq (i32.load8_u (i32.const 16)) (i32.const ${'M'.charCodeAt(0)}))
        (then (local.set $ok (call $host_call (i32.const 0) (i32.const 0) (i32.const 117) (i32.const 9)
          (i32.const 126) (i32.const 3) (i32.const 65536) (local.get $length)))))
      (if (local.get $ok)
        (then (call $response (i32.const 0) (i32.const 0)))
        (else (call $host_error (i32.const 8192)) (call $error (i32.const 8192) (call $host_error_len))))
      (local.get $ok)))`);
  return {
    bytes,
    digest: createHash('sha256').update(bytes).digest('hex'),
    key: 'MFORWARDER',
    name: 'forwarder',
    version: '1',
    capabilities: ['iot:mqtt', 'test:sink'],
  };
}

/** The contract that the forwarder hands messages to; they are in `heard`, in the order in which they came. */
export function sink(): { contract: Contract; heard: Heard[] } {
  const heard: Heard[] = [];
  const provider = {
    async start() {},
    async stop() {},
    async bind(_session: Session<unknown>) {},
    async unbind() {},
  };
  const contract = defineContract<Provider<unknown>, unknown>({
    id: 'test:sink',
    codec: 'cbor',
    summary: 'for tests',
    grant: z.strictObject({}),
    operations: {
      Put: operation({
        request: z.custom<Heard>((value) => typeof (value as Partial<Heard>).topic === 'string'),
        authorize() {},
        perform(_provider: Provider<unknown>, _session: Session<unknown>, message: Heard) {
          heard.push(message);
        },
      }),
    },
    implementations: { memory: async () => ({ settings: z.strictObject({}), create: () => provider }) },
    defaultImplementation: 'memory',
  });
  return { contract, heard };
}
