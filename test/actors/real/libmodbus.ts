import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

/** What of koffi is used here. */
interface Koffi {
  load(path: string): { func(declaration: string): Native };
  struct(name: string, members: Record<string, string>): unknown;
  decode(pointer: unknown, type: string): Record<string, unknown>;
  view(pointer: unknown, bytes: number): ArrayBuffer;
}
interface Native {
  (...args: unknown[]): unknown;
  async(...args: unknown[]): void;
}

const LIBRARY = 'libmodbus.so.5';
/** Of a request, `MODBUS_RTU_MAX_ADU_LENGTH`. */
const MAX_BYTES = 256;
/** How long a slave listens before it looks whether it is to end. */
const LISTEN_US = 100_000;

function libraryPath(): string | undefined {
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`) : [];
  return folders.map((folder) => `${folder}/${LIBRARY}`).find((path) => existsSync(path));
}

/** Why there are no devices of libmodbus here. */
export function libmodbusMissing(): string | undefined {
  return libraryPath() === undefined ? 'libmodbus is not installed (apt-get install libmodbus5)' : undefined;
}

let loaded: Record<string, Native> | undefined;
let koffi: Koffi;

function library(): Record<string, Native> {
  if (loaded !== undefined) return loaded;
  koffi = createRequire(import.meta.url)('koffi') as Koffi;
  koffi.struct('modbus_mapping_t', {
    ...Object.fromEntries(
      ['bits', 'input_bits', 'input_registers', 'registers'].flatMap((kind) => [
        [`nb_${kind}`, 'int'],
        [`start_${kind}`, 'int'],
      ]),
    ),
    ...{
      tab_bits: 'void *',
      tab_input_bits: 'void *',
      tab_input_registers: 'void *',
      tab_registers: 'void *',
    },
  });
  const lib = koffi.load(libraryPath() ?? LIBRARY);
  const declarations = [
    'void *modbus_new_rtu(const char *device, int baud, char parity, int data_bits, int stop_bits)',
    'int modbus_set_slave(void *context, int unit)',
    'int modbus_connect(void *context)',
    'void modbus_close(void *context)',
    'void modbus_free(void *context)',
    'int modbus_set_indication_timeout(void *context, uint32_t seconds, uint32_t microseconds)',
    'int modbus_receive(void *context, void *request)',
    'int modbus_reply(void *context, void *request, int length, void *mapping)',
    'void *modbus_mapping_new(int bits, int input_bits, int registers, int input_registers)',
    'void modbus_mapping_free(void *mapping)',
  ];
  loaded = Object.fromEntries(
    declarations.map((declaration) => [/(\w+)\(/.exec(declaration)?.[1] ?? '', lib.func(declaration)]),
  );
  return loaded;
}

/** A Modbus RTU device by libmodbus, on a serial port: coils, discrete inputs, holding and input registers from 0. */
export class LibmodbusSlave {
  readonly coils: Uint8Array;
  readonly discrete: Uint8Array;
  readonly holding: Uint16Array;
  readonly input: Uint16Array;
  readonly #lib = library();
  readonly #context: unknown;
  readonly #mapping: unknown;
  readonly #serving: Promise<void>;
  #ending = false;

  constructor(path: string, unit: number, size: number) {
    const lib = this.#lib;
    this.#context = lib.modbus_new_rtu?.(path, 9_600, 'E'.charCodeAt(0), 8, 1);
    lib.modbus_set_slave?.(this.#context, unit);
    lib.modbus_set_indication_timeout?.(this.#context, 0, LISTEN_US);
    if (lib.modbus_connect?.(this.#context) !== 0) throw new Error(`libmodbus cannot open ${path}`);
    this.#mapping = lib.modbus_mapping_new?.(size, size, size, size);
    const map = koffi.decode(this.#mapping, 'modbus_mapping_t');
    this.coils = new Uint8Array(koffi.view(map.tab_bits, size));
    this.discrete = new Uint8Array(koffi.view(map.tab_input_bits, size));
    this.holding = new Uint16Array(koffi.view(map.tab_registers, 2 * size));
    this.input = new Uint16Array(koffi.view(map.tab_input_registers, 2 * size));
    this.#serving = this.#serve();
  }

  async #serve(): Promise<void> {
    const receive = this.#promised('modbus_receive');
    const reply = this.#promised('modbus_reply');
    const request = new Uint8Array(MAX_BYTES);
    while (!this.#ending) {
      // Negative after a silence, 0 for somebody else's.
      const length = Number(await receive(this.#context, request));
      if (length > 0) await reply(this.#context, request, length, this.#mapping);
    }
  }

  /** The call in a thread of its own, since it blocks. */
  #promised(name: string): (...args: unknown[]) => Promise<unknown> {
    return (...args) =>
      new Promise((resolve, reject) =>
        this.#lib[name]?.async(...args, (error: unknown, result: unknown) =>
          error == null ? resolve(result) : reject(error),
        ),
      );
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#serving;
    this.#lib.modbus_close?.(this.#context);
    this.#lib.modbus_free?.(this.#context);
    this.#lib.modbus_mapping_free?.(this.#mapping);
  }
}
