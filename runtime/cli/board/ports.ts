import type { Paper } from '../render.js';
import { paragraph } from '../words.js';
import type { PortView } from './view.js';

/** Ports or buses: where, on which pins, who has it; below, what it is and what switches it on. */
export function drawPorts(heading: string, ports: readonly PortView[], paper: Paper): string[] {
  if (ports.length === 0) return [];
  const names = Math.max(...ports.map(({ name }) => name.length));
  const paths = Math.max(...ports.map(({ path }) => path.length));
  const lines = ports.flatMap(({ name, path, pins, actor, use, description, enable }) => {
    const signals = Object.entries(pins).map(([signal, pin]) => `${signal} ${pin}`);
    const held = actor === null ? '' : paper.paint('green', `[${actor} ${use}]`);
    const where = signals.length === 0 ? '' : `pins ${signals.join(', ')}`;
    const text = (sentence: string | null) =>
      sentence === null ? [] : paragraph(sentence, names + 4, paper.columns);
    return [
      `  ${name.padEnd(names)}  ${path.padEnd(paths)}  ${[where, held].filter(Boolean).join('  ')}`.trimEnd(),
      ...text(description),
      ...text(enable === null ? null : `needs ${enable}`),
    ];
  });
  return ['', heading, ...lines];
}
