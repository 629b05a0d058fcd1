import { z } from 'zod';

/** What lines and ports are called. */
export const ResourceName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'use 1 to 64 of A-Z, a-z, 0-9, _ and -');

const LineData = z.strictObject({
  /** Line number on the chip. */
  offset: z.number().int().min(0),
  /** `out`, `in`, or both where the header pin is free. */
  direction: z.enum(['in', 'out', 'any']).default('any'),
  /** Position on the header, where there is one. */
  pin: z.number().int().positive().optional(),
  description: z.string().optional(),
  /** Label of its chip, where that is not the board's. */
  chip: z.string().optional(),
  /** Whether a low voltage means 1, as with LEDs that are wired to the supply. */
  activeLow: z.boolean().optional(),
  /** What else the pin can be: shown, and a warning to whoever uses both. */
  functions: z.array(z.string()).optional(),
  /** Why nobody may have it. */
  reserved: z.string().optional(),
});

const PinData = z.union([
  z.strictObject({ power: z.enum(['3V3', '5V', 'GND']) }),
  z.strictObject({
    /** Number of the line on the board's chip; the line is called `GPIO<n>`. */
    gpio: z.number().int().min(0),
    note: z.string().optional(),
    reserved: z.string().optional(),
  }),
]);

/** What the lines of a chip can be: one YAML file under `boards/chips/`, named by the kernel's label of the chip. */
export const ChipData = z.strictObject({
  label: z.string(),
  /** How many lines it has. */
  lines: z.number().int().positive(),
  /** By line: `UART0 TXD`, `I2C1 SDA`; a unit, and the signal of it. */
  functions: z.record(z.string().regex(/^(0|[1-9][0-9]*)$/), z.array(z.string())),
});

/** A connector that several boards share: one YAML file under `boards/headers/`. */
export const HeaderData = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
  /** Pins side by side: position 1 is left, 2 beside it. */
  columns: z.literal(2),
  pins: z.record(z.string().regex(/^[1-9][0-9]*$/), PinData),
});

const DeviceNode = z.string().regex(/^\/dev\/[A-Za-z0-9_/.:-]+$/, 'expected a device, like /dev/ttyS1');

/** Where signals are on the header: `{TXD: 8, RXD: 10}`. */
const Pins = z.record(z.string().regex(/^[A-Z][A-Z0-9]*$/), z.number().int().positive());

/** A serial port, or a bus. Its name is that of the unit in the chip, like `uart0`; `spi0-1` is unit SPI0. */
const PortData = z.strictObject({
  /** Device node, or a link to it that stays the same over restarts. */
  path: DeviceNode,
  description: z.string().optional(),
  /** What has to be switched on first, and where. */
  enable: z.string().optional(),
  pins: Pins.optional(),
});

/** Whether a configuration means a file of its own by `board:`, and not the name of a board. */
export const isBoardFile = (board: string): boolean => /\.ya?ml$/.test(board);

/** `gpio.chip` of the board that is made up. */
export const SIMULATED_CHIP = 'sim';

/** A board is data: one YAML file under `boards/`. Actors name lines and ports, never chips or device paths. */
export const BoardData = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/, 'use a-z, 0-9 and -'),
  title: z.string(),
  /** Where the figures come from. */
  source: z.string(),
  /** Entries of the device tree's root `compatible` by which the board is recognised. */
  compatible: z.array(z.string()).default([]),
  gpio: z.strictObject({
    /** The kernel's label of the chip: chip numbers move between kernels. `sim` for the simulated board. */
    chip: z.string(),
    /** Name of a file under `boards/headers/`: each of its pins is a line `GPIO<n>`. */
    header: z.string().optional(),
    /** Lines beside those of the header, or other names for these. */
    lines: z.record(ResourceName, LineData).default({}),
  }),
  /** Serial ports by name. */
  ports: z.record(ResourceName, PortData).default({}),
  /** LEDs of the board itself: folders under `/sys/class/leds`. */
  leds: z
    .record(ResourceName, z.strictObject({ path: z.string(), description: z.string().optional() }))
    .default({}),
  i2c: z.record(ResourceName, PortData).default({}),
  spi: z.record(ResourceName, PortData).default({}),
});

export type Header = z.infer<typeof HeaderData>;
export type HeaderPin = z.infer<typeof PinData>;
export type ChipFunctions = z.infer<typeof ChipData>;
export type BoardPort = z.infer<typeof PortData>;
export type BoardData = z.infer<typeof BoardData>;
/** A board as the parts of the host see it, the lines of its header among its lines. */
export type Board = BoardData & {
  readonly pins?: Header | undefined;
  /** What lines are called instead of the names they would have: `{GPIO27: BUTTON}`. */
  readonly renamed?: Readonly<Record<string, string>>;
};
export type BoardLine = z.infer<typeof LineData>;
