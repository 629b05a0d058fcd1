/** `1 actor`, `2 actors`, `0 actors`: a number with its noun, whose plural takes an s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
