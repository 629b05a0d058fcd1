/** One line of log for a person: time, level, what it is about, message, and what else the line carries. */
export function logText(line: {
  readonly time: number;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}): string {
  const { time, level, message, actor, ...rest } = line;
  const about = typeof actor === 'string' ? ` ${actor}:` : '';
  const fields = Object.entries(rest).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  return `${new Date(time).toISOString().slice(11, 23)} ${level.padEnd(5)}${about} ${message}${fields.join('')}`;
}

function fieldText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return /\s/.test(text) ? JSON.stringify(text) : text;
}
