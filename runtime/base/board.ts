import { z } from 'zod';

const LineData = z.strictObject({
  /** Line number on the chip. */
  offset: z.number().int().min(0),
  /** `out`, `in`, or both where the header pin is free. */
  direction: z.enum(['in', 'out', 'any']).default('any'),
  /** Position on the header, where there is one. */
  pin: z.number().int().positive().optional(),
  description: z.string().optional(),
});

/** A board is data: one YAML file under `boards/`. Actors name lines and ports, never chips or device paths. */
export const BoardData = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
  title: z.string(),
  /** Where the figures come from. */
  source: z.string(),
  gpio: z.strictObject({
    /** The kernel's label of the chip: chip numbers move between kernels. `sim` for the simulated board. */
    chip: z.string(),
    lines: z.record(z.string().regex(/^[A-Za-z0-9_-]+$/), LineData),
  }),
});

export type Board = z.infer<typeof BoardData>;
export type BoardLine = z.infer<typeof LineData>;
