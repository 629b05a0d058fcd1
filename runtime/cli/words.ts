import type { Paper } from './render.js';

/** What is not broken over two lines. */
export interface Word {
  readonly text: string;
  readonly style?: Parameters<Paper['paint']>[0] | undefined;
}

/** Words in lines of at most `width` columns, a blank between them; a word that is wider has a line of its own. */
export function layOut(words: readonly Word[], width: number): Word[][] {
  const lines: Word[][] = [];
  let taken = 0;
  for (const word of words) {
    const line = lines.at(-1);
    if (line === undefined || taken + 1 + word.text.length > width) {
      lines.push([word]);
      taken = word.text.length;
    } else {
      line.push(word);
      taken += 1 + word.text.length;
    }
  }
  return lines;
}

/**
 * What a person types stays whole on its line, to be copied: parted are only the phrases of a hint, and prose.
 */
export function hangingHint(start: string, text: string, columns: number): string[] {
  const phrases = text
    .split(/(?<=[;,]) /)
    .flatMap((phrase) => (COMMAND.test(phrase) ? [phrase] : phrase.split(' ')));
  const indent = ' '.repeat(start.length);
  const lines = layOut(
    phrases.map((phrase) => ({ text: phrase })),
    Math.max(columns - start.length, 20),
  );
  return lines.map((line, at) => (at === 0 ? start : indent) + line.map((word) => word.text).join(' '));
}

const COMMAND = /\b(iot-host|sudo|npm|echo|ls|dmesg|df|fuser|hciconfig|rfkill) |[{}|]/;

/** `start`, then a sentence whose further lines begin where it began. */
export function hanging(start: string, text: string, columns: number): string[] {
  const [first = '', ...rest] = paragraph(text, start.length, columns);
  return [(start + first.trimStart()).trimEnd(), ...rest];
}

/** A sentence in lines, each behind `indent` blanks. */
export function paragraph(text: string, indent: number, columns: number): string[] {
  const words = text.split(/\s+/).map((word) => ({ text: word }));
  return layOut(words, Math.max(columns - indent, 20)).map(
    (line) => ' '.repeat(indent) + line.map((word) => word.text).join(' '),
  );
}
