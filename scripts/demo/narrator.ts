/** Tells the story on a terminal; says nothing but the last line with `--json`. */
export class Narrator {
  readonly #quiet: boolean;
  readonly #colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

  constructor(quiet: boolean) {
    this.#quiet = quiet;
  }

  title(text: string): void {
    this.#write(`\n${this.#paint('1', text)}`);
  }

  say(text: string): void {
    this.#write(`  ${text}`);
  }

  good(text: string): void {
    this.#write(`  ${this.#paint('32', '✓')} ${text}`);
  }

  /** One picture of the simulated board: its LED over the last seconds, newest at the right. */
  led(levels: readonly (0 | 1)[]): void {
    const dots = levels
      .map((level) => (level === 1 ? this.#paint('92', '●') : this.#paint('90', '○')))
      .join(' ');
    this.#write(`  LED ${dots}`);
  }

  #write(text: string): void {
    if (!this.#quiet) process.stdout.write(`${text}\n`);
  }

  #paint(code: string, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}
