import type { Paper } from '../render.js';
import { layOut, type Word } from '../words.js';
import type { BoardView, PinView } from './view.js';

/** Columns of a name ("GPIO27"), and of everything between the texts of both sides. */
const NAME = 6;
const BETWEEN = 25;
/** What a line may be cut down to, whatever the terminal. */
const LEAST = 20;

/** The pins in two columns, as they lie: what a pin can be, its name, its position. */
export function drawHeader(view: BoardView, paper: Paper): string[] {
  const { pins } = view;
  const width = Math.max(Math.floor((Math.min(paper.columns, 120) - BETWEEN) / 2), LEAST);
  const lines: string[] = [];
  for (let at = 0; at < pins.length; at += 2) {
    const [left, right] = [pins[at], pins[at + 1]];
    const leftText = layOut(words(left, view), width);
    const rightText = layOut(words(right, view), width);
    for (let row = 0; row < Math.max(leftText.length, rightText.length, 1); row++) {
      const first = row === 0;
      const name = (pin: PinView | undefined) => (first && pin !== undefined ? pinName(pin) : '');
      const position = (pin: PinView | undefined) => (first && pin !== undefined ? String(pin.pin) : '');
      const line = [
        ...[pad(width, leftText[row]), painted(leftText[row], paper), '  '],
        ...[
          ' '.repeat(NAME - name(left).length),
          paintName(name(left), left, paper),
          ' ',
          position(left).padStart(2),
          ' | ',
        ],
        ...[position(right).padEnd(2), ' ', paintName(name(right), right, paper)],
        ...(rightText[row] === undefined ? [] : [' '.repeat(NAME - name(right).length + 2)]),
        painted(rightText[row], paper),
      ].join('');
      lines.push(line.trimEnd());
    }
  }
  return lines;
}

function words(pin: PinView | undefined, { ports }: BoardView): Word[] {
  if (pin === undefined || pin.power !== null) return [];
  const named: Word[] = pin.line === pin.gpio ? [] : [{ text: `${pin.line}:` }];
  const used: Word[] = pin.actor === null ? [] : [{ text: `[${pin.actor} ${pin.use}]`, style: 'green' }];
  for (const { actor, name, pins } of ports) {
    const signal = Object.keys(pins).find((key) => pins[key] === pin.pin);
    if (actor !== null && signal !== undefined)
      used.push({ text: `[${actor} ${name} ${signal}]`, style: 'green' });
  }
  const reserved: Word[] = pin.reserved === null ? [] : [{ text: 'reserved:', style: 'red' }];
  const functions = pin.functions.map((text, index): Word => {
    return { text: index < pin.functions.length - 1 ? `${text},` : text, style: 'dim' };
  });
  return [...named, ...used, ...reserved, ...functions];
}

const pinName = (pin: PinView) => pin.power ?? ('gpio' in pin ? pin.gpio : '');

function paintName(text: string, pin: PinView | undefined, { paint }: Paper): string {
  if (text === '') return '';
  if (pin?.power === 'GND') return paint('dim', text);
  return pin?.power === null || pin === undefined ? text : paint('red', text);
}

const pad = (width: number, row: readonly Word[] = []) => ' '.repeat(Math.max(width - textOf(row).length, 0));
const textOf = (row: readonly Word[]) => row.map(({ text }) => text).join(' ');
const painted = (row: readonly Word[] = [], { paint }: Paper) =>
  row.map(({ text, style }) => (style === undefined ? text : paint(style, text))).join(' ');
