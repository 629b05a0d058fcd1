/** For an option that may be repeated, each time with a comma-separated list. */
export function collect(text: string, before: readonly string[] = []): string[] {
  const items = text.split(',').map((item) => item.trim());
  return [...before, ...items.filter((item) => item !== '')];
}
