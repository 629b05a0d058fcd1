import type { Paper } from '../render.js';
import { table } from '../table.js';
import { hanging } from '../words.js';
import { drawHeader } from './header.js';
import { drawPorts } from './ports.js';
import type { BoardView, LineView, PinView } from './view.js';

/** A board for a person: header, notes, ports, buses, LEDs, and what is in use beside them. */
export function drawBoard(view: BoardView, paper: Paper): string[] {
  const { name, title, chip, thisMachine, inUseBy, pins, lines } = view;
  return [
    `${title} (${name})${thisMachine ? ', this machine' : ''}`,
    `GPIO chip ${chip}; ${inUseBy === null ? 'what is in use is not known' : `[who has it], as ${inUseBy} says`}`,
    ...(pins.length === 0 ? [] : ['', ...drawHeader(view, paper), ...notes(pins, paper)]),
    ...(lines.length === 0 ? [] : ['', ...table(LINE_HEADING, lines.map(lineRow))]),
    ...drawPorts('ports', view.ports, paper),
    ...drawPorts('I2C', view.i2c, paper),
    ...drawPorts('SPI', view.spi, paper),
    ...leds(view, paper),
    ...others(view),
  ];
}

const LINE_HEADING = ['LINE', 'NUMBER', 'DIRECTION', 'IN USE', 'WHAT IT IS'];
const lineRow = ({ line, offset, direction, actor, use, description }: LineView): string[] => [
  line,
  String(offset),
  direction,
  actor === null ? '-' : `[${actor} ${use}]`,
  description ?? '',
];

/** What a pin has to say that has no room beside it. */
function notes(pins: readonly PinView[], { columns }: Paper): string[] {
  const said = pins.flatMap((pin) => {
    if (pin.power !== null) return [];
    const { reserved, description } = pin;
    const text = reserved === null ? description : `reserved: ${reserved}`;
    return text === null
      ? []
      : hanging(`${String(pin.pin).padStart(4)} ${pin.gpio.padEnd(6)}  `, text, columns);
  });
  return said.length === 0 ? [] : ['', ...said];
}

function leds({ leds: all }: BoardView, { columns }: Paper): string[] {
  if (all.length === 0) return [];
  const drawn = all.flatMap(({ name, path, description }) =>
    hanging(`  ${name}  ${path}  `, description ?? '', columns),
  );
  return ['', 'LEDs', ...drawn];
}

function others({ others: all }: BoardView): string[] {
  if (all.length === 0) return [];
  return [
    '',
    'in use, and not of the board',
    ...all.map(({ actor, kind, name, use }) => `  ${kind} ${name}  [${actor} ${use}]`),
  ];
}
