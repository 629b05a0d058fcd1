const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const escaped = (one: string) => SHORT[one] ?? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** On one line, with each control character shown instead of done. */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, escaped);
}

/** The same of a text that may have lines, tabs, and the colours that we paint with. */
export function visibleLines(text: string): string {
  return text.replaceAll(
    /\r\n|[\n\t]|(\p{Cc})(\[(?:2|22|3[1236]|39)m)?/gu,
    (all, one?: string, style?: string) =>
      one === undefined || (one === '\u001b' && style !== undefined) ? all : escaped(one) + (style ?? ''),
  );
}
