import { createRequire } from 'node:module';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from '#runtime/base/codec.js';
import type { Provider } from '#runtime/base/contract.js';
import contract, { type Advertisement } from '#runtime/providers/iot-ble/contract.js';
import type { Noble } from '#runtime/providers/iot-ble/noble/api.js';
import { NobleRadio } from '#runtime/providers/iot-ble/noble/radio.js';
import { openUart } from '#runtime/providers/iot-ble/noble/uart-port.js';
import { BleProvider } from '#runtime/providers/iot-ble/provider.js';
import { call, recordingLogger, session, until } from '../../helpers/providers.js';
import { airProblem } from './air/emulated-air.js';
import { ScriptedController } from './air/scripted-controller.js';

const missing = airProblem();
if (missing !== undefined) process.stderr.write(`skipped what strangers advertise: ${missing}\n`);

/** Name `sensor`, service 180d, service data, manufacturer data, transmit power. */
const GOOD = Uint8Array.from([
  ...[7, 0x09, ...Buffer.from('sensor')],
  ...[3, 0x03, 0x0d, 0x18],
  ...[5, 0x16, 0x0d, 0x18, 0x64, 0x32],
  ...[5, 0xff, 0x4c, 0x00, 1, 2],
  ...[2, 0x0a, 0xf4],
]);
/** What the package keeps to itself. */
interface Inside {
  readonly _peripherals: Map<string, unknown>;
  readonly _discoveredPeripherals: Set<string>;
  readonly _services: object;
  readonly _characteristics: object;
  readonly _descriptors: object;
  readonly _bindings: {
    readonly _addresses: object;
    readonly _addresseTypes: object;
    readonly _connectable: object;
    readonly _gap: { readonly _discoveries: object };
  };
}

const PACKAGE = '@stoprocent/noble';
const { withBindings } = createRequire(import.meta.url)(PACKAGE) as {
  withBindings(type: string, options: object): Inside;
};
const MARKER = 'still-here';
const STRANGER = [0x66, 5, 4, 3, 2, 1];

describe.skipIf(missing !== undefined).each([
  ['short', false, 31],
  ['extended', true, 229],
] as const)('%s advertisements of strangers', (_kind, extended, longest) => {
  let air: ScriptedController;
  let ble: Provider;
  let lines: string[];
  let heard: Advertisement[];
  let markers = 0;
  let noble: Inside;

  beforeEach(async () => {
    air = new ScriptedController(extended);
    lines = [];
    heard = [];
    await air.start();
    const logger = recordingLogger(lines);
    ble = new BleProvider(
      new NobleRadio(PACKAGE, air.path, () => openUart(create, () => {}), logger),
      logger,
    );
    await ble.start(new AbortController().signal);
    const actor = session(contract, 'actor', { scan: true });
    await ble.bind(actor, async (_operation, message) => {
      heard.push(decodePayload('cbor', encodePayload('cbor', message)) as Advertisement);
    });
    await call(contract, ble, actor, 'Scan', { duplicates: true });
    await until(() => air.scanning, 'a scan');
  });
  afterEach(async () => {
    await ble.stop();
    await air.stop();
  });

  const create = () => {
    const options = { hciDriver: 'uart', bindParams: { uart: { port: air.path, baudRate: 115_200 } } };
    noble = withBindings('hci', options);
    return noble as Noble & typeof noble;
  };

  /** Entries of the tables that the package has for those it heard. */
  const memory = () => {
    const { _bindings: bindings } = noble;
    const sizes = [
      ...[noble._peripherals.size, noble._discoveredPeripherals.size],
      ...[noble._services, noble._characteristics, noble._descriptors].map(
        (table) => Object.keys(table).length,
      ),
      ...[
        bindings._addresses,
        bindings._addresseTypes,
        bindings._connectable,
        bindings._gap._discoveries,
      ].map((table) => Object.keys(table).length),
    ];
    return { most: Math.max(...sizes), least: Math.min(...sizes) };
  };

  /** Whatever came before: it hears on. */
  const alive = async () => {
    const name = `${MARKER}-${++markers}`;
    air.advertise(Uint8Array.from([name.length + 1, 0x09, ...Buffer.from(name)]), [1, 1, 1, 1, 1, 1]);
    await until(() => heard.some((advert) => advert.name === name), name);
  };

  it('hears a good one, whole', async () => {
    air.advertise(GOOD);
    await until(() => heard.length > 0, 'it');
    expect(heard[0]).toEqual({
      ...{ id: '660504030201', address: '66:05:04:03:02:01', name: 'sensor', rssi: -60 },
      manufacturerData: Uint8Array.of(0x4c, 0, 1, 2),
      serviceData: [{ uuid: '180d', data: Uint8Array.of(0x64, 0x32) }],
      services: ['180d'],
    });
  });

  it.each([
    ['nothing', []],
    ['a length of nothing', [0]],
    ['a length and no more', [1]],
    ['a length beyond the end', [200, 0x09, 0x41]],
    ['a transmit power of no bytes', [1, 0x0a]],
    ['service data of no bytes', [1, 0x16]],
    ['service data of half a UUID', [2, 0x16, 0x0d]],
    ['long service data of half a UUID', [4, 0x21, 1, 2, 3]],
    ['services of half a UUID', [2, 0x03, 0x0d]],
    ['a name that is no UTF-8', [4, 0x09, 0xff, 0xfe, 0x00]],
    ['as many bytes as there may be', Array.from({ length: longest }, () => 0xff)],
    ['names all the way', Array.from({ length: longest }, (_, index) => (index % 2 === 0 ? 1 : 0x09))],
  ])('lives through %s', async (_what, data) => {
    air.advertise(Uint8Array.from(data), STRANGER);
    await alive();
    for (const { name } of heard) expect(name ?? 'none').toBeTypeOf('string');
  });

  it('writes short UUIDs with their zeros', async () => {
    air.advertise(Uint8Array.of(3, 0x03, 0x0d, 0x00), STRANGER);
    await until(() => heard.length > 0, 'it');
    expect(heard[0]?.services).toEqual(['000d']);
  });

  it('lives through every byte changed', async () => {
    for (let index = 0; index < GOOD.length; index++) {
      for (const change of [0x01, 0x80, 0xff, GOOD[index] ?? 0]) {
        const bytes = Uint8Array.from(GOOD);
        bytes[index] = (bytes[index] ?? 0) ^ change;
        air.advertise(bytes, STRANGER);
      }
      await alive();
    }
  });

  it('lives through any bytes', async () => {
    const anything = fc.array(fc.uint8Array({ maxLength: longest }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(anything, async (adverts) => {
        for (const data of adverts) air.advertise(data, STRANGER);
        await alive();
      }),
      { numRuns: 100 },
    );
  });

  it('lives through any bytes on a connection', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), fc.nat(0xffff), async (data, handle) => {
        air.say([0x02, handle & 255, handle >> 8, data.length, 0, ...data]);
        await alive();
      }),
      { numRuns: 200 },
    );
  });

  it('remembers so many of them and no more', async () => {
    for (let index = 0; index < 1_500; index++) air.advertise(GOOD, [0x42, 0, 0, 0, index >> 8, index & 255]);
    await alive();
    expect(memory().most).toBeLessThanOrEqual(1_025);
    expect(memory().least).toBeGreaterThan(1_000);
  });

  it('tells nobody more services than one advertiser may sensibly have', async () => {
    for (let uuid = 0x2000; uuid < 0x2000 + 300; uuid++) {
      air.advertise(Uint8Array.of(3, 0x03, uuid & 255, uuid >> 8), STRANGER);
    }
    await alive();
    const most = Math.max(...heard.map(({ services }) => services?.length ?? 0));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(65);
  });
});
