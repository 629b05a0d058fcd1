import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePayload } from '#runtime/base/codec.js';
import { IotError } from '#runtime/base/errors.js';
import { DEFAULT_ACTOR_LIMITS } from '#runtime/base/limits.js';
import type { GuestHost } from '#runtime/engine/engine.js';
import { createWasm3Engine, loadEngineModuleSync } from '#runtime/engine/wasm3/index.js';
import { parameters } from '../fuzz/runs.js';
import { actorModule } from '../helpers/actors.js';
import { withCrc } from './modbus-slave.js';

/** Whatever an actor is told, and whatever the host answers, it answers itself: no trap, and fuel is left. */
const cbor = (value: unknown) => encodePayload('cbor', value);
const utf8 = (text: string) => new TextEncoder().encode(text);

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    'GPIO17',
    'BUTTON',
    'uart0',
    'rising',
    'falling',
    'poll',
    'check',
    'wake',
    'again',
    'long0',
    'reply1',
  ),
);
const number = fc.oneof(
  { weight: 4, arbitrary: fc.nat() },
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
);
const bytes = fc.uint8Array({ maxLength: 300 });
const SETTINGS = [
  'every=100 timeout=10 retries=1 a=1:holding:0 b=1:holding:1:s32:6 c=1:coil:3 d=2:input:65534:u32',
  Array.from({ length: 128 }, (_, at) => `r${at}=1:holding:${128 - at}`).join(' '),
  'setpoint=21.5 hysteresis=0 min-on=0 min-off=0 silent=1 mode=cool sensor=tag',
  'every=0 rssi=-80 most=1000 only=tag',
  ...['21.5', '-99999999999', '1e9', '='.repeat(50), 'a=1:coil:0:s16', `x=${'9'.repeat(300)}`],
];
const TOPICS = [
  ...['home/modbus/settings', 'home/cmd/modbus/a', 'home/cmd/modbus/', 'home/thermostat/settings'],
  ...['home/cmd/thermostat', 'home/ble/settings'],
];
const readings = fc
  .constantFrom('T=21.5\r', 'H=55', '-55 C', 'T=\u00b0C', '==:=', 'T='.repeat(100))
  .map(utf8);
const frames = fc
  .tuple(
    fc.constantFrom(1, 2, 9),
    fc.constantFrom(1, 3, 4, 5, 6, 16, 0x83),
    fc.uint8Array({ maxLength: 255 }),
  )
  .map(([unit, code, rest]) => new Uint8Array(withCrc([unit, code, rest.length, ...rest])));

/** What a host would send, with anything in it. */
const told = fc.oneof(
  fc.record({ reason: text }).map((value) => ['Start', cbor(value)] as const),
  fc.record({ id: text, dueAt: number, at: number }).map((value) => ['Tick', cbor(value)] as const),
  fc
    .record({
      topic: fc.oneof(fc.constantFrom(...TOPICS), text),
      payload: fc.oneof(fc.constantFrom(...SETTINGS).map(utf8), text.map(utf8), bytes),
      qos: number,
      retain: fc.boolean(),
    })
    .map((value) => ['Message', cbor(value)] as const),
  fc
    .record({ line: text, edge: text, timestampNs: number, seq: number })
    .map((value) => ['Edge', cbor(value)] as const),
  fc
    .record({ port: fc.constantFrom('uart0', 'x'), data: fc.oneof(bytes, frames, readings), at: number })
    .map((value) => ['Data', cbor(value)] as const),
  fc
    .tuple(fc.constantFrom('Opened', 'Closed'), fc.constantFrom('uart0', 'x'))
    .map(([operation, port]) => [operation, cbor({ port, reason: 'unplugged' })] as const),
  fc
    .record({
      id: text,
      address: text,
      name: fc.oneof(text, fc.constantFrom('tag', null)),
      rssi: fc.oneof(fc.integer({ min: -127, max: 20 }), number),
      manufacturerData: fc.oneof(bytes, fc.constant(Uint8Array.of(0x4c, 0, 2, 21, ...Array(21).fill(7)))),
      serviceData: fc.array(
        fc.record({ uuid: fc.constantFrom('fcd2', '181a', '2a6e', 'feaa', '180f'), data: bytes }),
        { maxLength: 4 },
      ),
    })
    .map((value) => ['Advertisement', cbor(value)] as const),
);
const OPERATIONS = ['Start', 'Tick', 'Message', 'Edge', 'Data', 'Opened', 'Closed', 'Advertisement', 'Nope'];
const anything = fc.oneof(
  { weight: 6, arbitrary: told },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...OPERATIONS), bytes) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(told, fc.nat(), fc.nat(255), fc.boolean())
      .map(([[operation, payload], at, byte, cut]) => {
        const spoilt = Uint8Array.from(payload);
        if (spoilt.length > 0) spoilt[at % spoilt.length] = byte;
        return [operation, cut ? spoilt.subarray(0, at % (spoilt.length + 1)) : spoilt] as const;
      }),
  },
);

/** What the host answers when it answers well. */
function usual(call: string, ms: number): Uint8Array {
  switch (call) {
    case 'iot:gpio Lines':
      return cbor({
        lines: [
          { name: 'GPIO17', direction: 'out', value: 0 },
          { name: 'GPIO27', direction: 'in', value: 1 },
          { name: 'BUTTON', direction: 'in', value: 1 },
        ],
      });
    case 'iot:gpio Read':
      return cbor({ value: 1 });
    case 'iot:serial Ports':
      return cbor({ ports: [{ name: 'uart0', path: '/dev/serial0', open: true }] });
    case 'iot:timer Now':
      return cbor({ unixMs: ms, monotonicNs: BigInt(ms) * 1_000_000n, trusted: true });
    case 'wascc:keyvalue Get':
      return encode({ value: SETTINGS[ms % SETTINGS.length] ?? '', exists: ms % 2 === 0 });
    default:
      return new Uint8Array(0);
  }
}

const answers = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant('usual' as const) },
    { weight: 1, arbitrary: fc.constant('refused' as const) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
  ),
  { minLength: 1, maxLength: 12 },
);

describe.each(['thermostat', 'door', 'ble-beacon', 'modbus-gateway', 'counter-v1', 'blink-v1'])(
  '%s',
  (name) => {
    it('answers whatever it is told', { timeout: 120_000 }, () => {
      const engine = createWasm3Engine(loadEngineModuleSync());
      const { fuelPerCall, payloadBytes } = DEFAULT_ACTOR_LIMITS;
      const limits = { memoryPages: 1, fuelPerCall, startFuel: fuelPerCall, payloadBytes };
      const runs = parameters(name);
      let handled = 0;
      const property = fc.property(
        fc.array(anything, { minLength: 10, maxLength: 40 }),
        answers,
        (sequence, script) => {
          let calls = 0;
          const host: GuestHost = {
            hostCall(_binding, contract, operation) {
              const answer = script[calls++ % script.length] ?? 'usual';
              if (answer === 'refused') return new IotError('E_PROVIDER', 'no');
              return answer === 'usual' ? usual(`${contract} ${operation}`, calls * 97) : answer;
            },
            log() {},
          };
          using actor = engine.load(actorModule(name), host, limits);
          actor.start();
          actor.call('Start', cbor({ reason: 'start' }));
          for (const [operation, payload] of sequence) {
            const answer = actor.call(operation, payload);
            if (answer.ok) handled++;
            else if (answer.fatal) throw answer.error;
          }
        },
      );
      fc.assert(property, runs);
      expect(handled).toBeGreaterThan(runs.numRuns);
    });
  },
);
