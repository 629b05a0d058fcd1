import { visible } from './visible.js';
import { hanging } from './words.js';

interface Line {
  readonly time: number;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** What a terminal of `width` columns shows of a line of log: broken at blanks, digests by their beginning. */
export function logLines(line: Line, width: number): string[] {
  const text = logText(line);
  if (!Number.isFinite(width)) return [text];
  const [, start = '', rest = ''] = /^(\S+ \S+ +)(.*)$/s.exec(text) ?? [];
  return hanging(start, rest.replaceAll(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1'), width);
}

/**
 * One line of log for a person: time, level, what it is about, message, and what else the line carries. Actors word
 * their lines themselves: none is to look like two.
 */
export function logText(line: Line): string {
  const { time, level, message, actor, ...rest } = line;
  const about = typeof actor === 'string' ? ` ${actor}:` : '';
  const fields = Object.entries(rest)
    .filter(([, value]) => !says(message, value))
    .map(([name, value]) => ` ${name}=${fieldText(value)}`);
  const text = `${about} ${message}${fields.join('')}`;
  return `${new Date(time).toISOString().slice(11, 23)} ${level.padEnd(5)}${visible(text)}`;
}

/** Whether a message has the value of a field in it as a word: it need not be said twice. */
function says(message: string, value: unknown): boolean {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  return text.length > 1 && message.split(/[\s,;()]+|:(?=\s|$)/).includes(text);
}

function fieldText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return /\s/.test(text) ? JSON.stringify(text) : text;
}
