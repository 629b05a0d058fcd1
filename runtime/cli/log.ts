/** One line of log for a person: time, level, what it is about, message, and what else the line carries. */
export function logText(line: {
  readonly time: number;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}): string {
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
  return (
    typeof value === 'string' && value.length > 1 && message.split(/[\s,;()]+|:(?=\s|$)/).includes(value)
  );
}

function fieldText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return /\s/.test(text) ? JSON.stringify(text) : text;
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Actors word their lines themselves: none is to move the cursor, or to look like two lines. */
function visible(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u2028\u2029]/gu,
    (one) => SHORT[one] ?? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
