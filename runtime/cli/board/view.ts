import type { Board, BoardLine, BoardPort } from '../../base/board.js';
import type { Use } from '../../index.js';

/** Who has it, and how: `actor` is `null` while it is free. */
interface Held {
  readonly actor: string | null;
  readonly use: string | null;
}

export interface LineView extends Held {
  readonly line: string;
  /** Number on the chip. */
  readonly offset: number;
  readonly direction: string;
  readonly functions: readonly string[];
  readonly description: string | null;
  readonly reserved: string | null;
}

export type PinView =
  | { readonly pin: number; readonly power: string }
  | ({
      readonly pin: number;
      readonly power: null;
      /** What the pin is called in the documents of the board, whatever the line is called here. */
      readonly gpio: string;
    } & LineView);

export interface PortView extends Held {
  readonly name: string;
  readonly path: string;
  readonly description: string | null;
  readonly enable: string | null;
  /** Header position of each signal. */
  readonly pins: Readonly<Record<string, number>>;
}

/** A board with what is in use: the `--json` form of `board show`. */
export interface BoardView {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly chip: string;
  readonly thisMachine: boolean;
  /** Whose bindings are shown; `null` for nobody's. */
  readonly inUseBy: string | null;
  /** The header, in the order of its positions; empty where there is none. */
  readonly pins: readonly PinView[];
  /** Lines that are on no header. */
  readonly lines: readonly LineView[];
  readonly ports: readonly PortView[];
  readonly i2c: readonly PortView[];
  readonly spi: readonly PortView[];
  readonly leds: readonly {
    readonly name: string;
    readonly path: string;
    readonly description: string | null;
  }[];
  /** What is in use and not of the board, like a USB adapter that the provider's settings name. */
  readonly others: readonly Use[];
}

export function boardView(
  board: Board,
  uses: readonly Use[],
  about: Pick<BoardView, 'thisMachine' | 'inUseBy'>,
): BoardView {
  const { name, title, source, gpio, pins: header, leds } = board;
  const all = Object.entries(gpio.lines).map(([line, data]) => ({ data, view: lineView(line, data, uses) }));
  const pins = Object.entries(header?.pins ?? {})
    .map(([at, pin]): PinView => {
      const position = Number(at);
      const found = all.find(({ data }) => data.pin === position);
      if ('power' in pin || found === undefined)
        return { pin: position, power: 'power' in pin ? pin.power : '' };
      return { pin: position, power: null, gpio: `GPIO${pin.gpio}`, ...found.view };
    })
    .sort((one, other) => one.pin - other.pin);
  const known = new Set([
    ...Object.keys(gpio.lines).map((line) => `line ${line}`),
    ...Object.keys(board.ports).map((port) => `port ${port}`),
  ]);
  return {
    ...{ name, title, source: source.trim(), chip: gpio.chip, ...about, pins },
    lines: all.filter(({ data }) => header === undefined || data.pin === undefined).map(({ view }) => view),
    ports: portViews(board.ports, uses),
    i2c: portViews(board.i2c, []),
    spi: portViews(board.spi, []),
    leds: Object.entries(leds).map(([led, { path, description }]) => ({
      ...{ name: led, path: `/sys/class/leds/${path}`, description: description ?? null },
    })),
    others: uses.filter(({ kind, name: used }) => !known.has(`${kind} ${used}`)),
  };
}

function lineView(line: string, data: BoardLine, uses: readonly Use[]): LineView {
  const { offset, direction, functions = [], description = null, reserved = null } = data;
  return { line, offset, direction, functions, description, reserved, ...held('line', line, uses) };
}

function portViews(ports: Readonly<Record<string, BoardPort>>, uses: readonly Use[]): PortView[] {
  return Object.entries(ports).map(([name, { path, description = null, enable = null, pins = {} }]) => ({
    ...{ name, path, description, enable, pins, ...held('port', name, uses) },
  }));
}

function held(kind: Use['kind'], name: string, uses: readonly Use[]): Held {
  const found = uses.find((use) => use.kind === kind && use.name === name);
  return { actor: found?.actor ?? null, use: found?.use ?? null };
}
