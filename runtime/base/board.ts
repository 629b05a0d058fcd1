import { z } from 'zod';

const Name = z.string().regex(/^[A-Za-z0-9_-]+$/);

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
    functions: z.array(z.string()).default([]),
    note: z.string().optional(),
    reserved: z.string().optional(),
  }),
]);

/** A connector that several boards share: one YAML file under `boards/headers/`. */
export const HeaderData = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
  /** Pins side by side: position 1 is left, 2 beside it. */
  columns: z.literal(2),
  pins: z.record(z.string().regex(/^[1-9][0-9]*$/), PinData),
});

const DeviceNode = z.string().regex(/^\/dev\/[A-Za-z0-9_/.-]+$/);

const PortData = z.strictObject({
  /** Device node, or a link to it that stays the same over restarts. */
  path: DeviceNode,
  description: z.string().optional(),
  /** What has to be switched on first, and where. */
  enable: z.string().optional(),
  /** Header positions of TXD and RXD. */
  pins: z.array(z.number().int().positive()).optional(),
});

const BusData = z.strictObject({
  path: DeviceNode,
  enable: z.string().optional(),
  pins: z.array(z.number().int().positive()).optional(),
});

/** A board is data: one YAML file under `boards/`. Actors name lines and ports, never chips or device paths. */
export const BoardData = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
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
    lines: z.record(Name, LineData).default({}),
  }),
  /** Serial ports by name. */
  ports: z.record(Name, PortData).default({}),
  /** LEDs of the board itself: folders under `/sys/class/leds`. */
  leds: z.record(Name, z.strictObject({ path: z.string(), description: z.string().optional() })).default({}),
  i2c: z.record(Name, BusData).default({}),
  spi: z.record(Name, BusData).default({}),
});

export type Header = z.infer<typeof HeaderData>;
export type HeaderPin = z.infer<typeof PinData>;
/** A board as the parts of the host see it, the lines of its header among its lines. */
export type Board = z.infer<typeof BoardData> & { readonly pins?: Header | undefined };
export type BoardLine = z.infer<typeof LineData>;

/** The lines that a header brings, by name. */
export function headerLines({ pins }: Header): Record<string, BoardLine> {
  const lines: Record<string, BoardLine> = {};
  for (const [position, pin] of Object.entries(pins)) {
    if ('power' in pin) continue;
    const { gpio, functions, note, reserved } = pin;
    lines[`GPIO${gpio}`] = {
      ...{ offset: gpio, direction: 'any', pin: Number(position), functions },
      ...(note === undefined ? {} : { description: note }),
      ...(reserved === undefined ? {} : { reserved }),
    };
  }
  return lines;
}
