import { styleText } from 'node:util';
import type { IotError } from '../base/errors.js';
import type { GlobalOptions } from './context.js';
import { withHint } from './hints.js';
import { toJson } from './json.js';
import type { CommandResult, Result } from './result.js';
import { visibleLines } from './visible.js';

/** The part of a standard stream that is used here. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Standard output, as somebody who draws must know it. */
export interface Paper {
  readonly columns: number;
  /** Columns that a line may have before the terminal breaks it; no limit where what is printed goes to a program. */
  readonly width: number;
  /** `text` in a colour where colours are shown, else as it is. */
  paint(style: 'red' | 'green' | 'yellow' | 'cyan' | 'dim', text: string): string;
}

/**
 * The only place that prints: results to stdout, errors, remarks and progress to stderr. What actors, devices and the
 * local network have worded moves no cursor.
 */
export class Renderer {
  readonly #stdout: Sink;
  readonly #stderr: Sink;
  readonly #options: () => GlobalOptions;
  readonly #color: boolean;
  #lastStatus = '';

  constructor(streams: { stdout: Sink; stderr: Sink }, options: () => GlobalOptions, noColor: boolean) {
    this.#stdout = streams.stdout;
    this.#stderr = streams.stderr;
    this.#options = options;
    this.#color = !noColor;
  }

  /** Prints what a command returned, waiting for the end of a stream. Throws the failure that came with it. */
  async result(result: CommandResult): Promise<void> {
    if ('stream' in result) {
      for await (const item of result.stream) this.#item(item);
      return;
    }
    const { data, text } = result;
    const failure = result.failure === undefined ? undefined : withHint(result.failure);
    if (!this.#options().json) {
      this.#lines(text);
      if (failure !== undefined) throw failure;
    } else if (failure === undefined) {
      this.#json({ v: 1, ok: true, data });
    } else {
      this.#json({ v: 1, ok: false, error: failure, data });
      throw new AlreadyPrinted(failure);
    }
  }

  /** `error: what, which, why` and `hint: what to type next`; with `--json` the envelope, on stdout. */
  error(thrown: IotError): void {
    const error = withHint(thrown);
    this.clearStatus();
    if (this.#options().json) {
      this.#json({ v: 1, ok: false, error });
    } else {
      this.#tell(`${this.#paint('red', 'error:')} ${error.message.replaceAll('\n', '\n       ')}`);
      if (error.hint !== undefined) {
        this.#tell(`${this.#paint('cyan', 'hint:')} ${error.hint.replaceAll('\n', '\n      ')}`);
      }
    }
    if (this.#options().verbose) this.#tell(stacks(error));
  }

  /** A remark for a person. */
  note(text: string): void {
    if (this.#options().quiet) return;
    this.clearStatus();
    this.#tell(text);
  }

  /** A line of log, also with `--quiet`: whoever makes it has looked at its level. */
  log(line: string): void {
    this.clearStatus();
    this.#tell(line);
  }

  /** True when a line can be redrawn: a terminal, and neither `--json` nor `--quiet`. */
  get live(): boolean {
    const { json, quiet } = this.#options();
    return this.#stderr.isTTY === true && !json && !quiet;
  }

  /** Columns a status line may take. */
  get width(): number {
    return columnsOf(this.#stderr) - 1;
  }

  /** What a result may be drawn on. */
  get paper(): Paper {
    const color = this.#color && this.#options().color && this.#stdout.isTTY === true;
    const paint: Paper['paint'] = (style, text) =>
      color ? styleText(style, text, { validateStream: false }) : text;
    return { columns: columnsOf(this.#stdout), width: widthOf(this.#stdout), paint };
  }

  /** As `Paper.width`, of where the log goes. */
  get logWidth(): number {
    return widthOf(this.#stderr);
  }

  /** Draws over the last status line. */
  status(text: string): void {
    if (!this.live || text === this.#lastStatus) return;
    this.#lastStatus = text;
    this.#stderr.write(`\r\u001b[2K${text.slice(0, this.width)}`);
  }

  clearStatus(): void {
    if (this.#lastStatus !== '') this.#stderr.write('\r\u001b[2K');
    this.#lastStatus = '';
  }

  #item({ data, text }: Pick<Result, 'data' | 'text'>): void {
    if (this.#options().json) this.#json(data);
    else this.#lines(text);
  }

  #lines(lines: readonly string[]): void {
    this.clearStatus();
    if (lines.length > 0) this.#stdout.write(`${visibleLines(lines.join('\n'))}\n`);
  }

  #tell(text: string): void {
    this.#stderr.write(`${visibleLines(text)}\n`);
  }

  #json(value: unknown): void {
    this.#stdout.write(`${JSON.stringify(toJson(value))}\n`);
  }

  #paint(color: 'red' | 'cyan', text: string): string {
    const wanted = this.#color && this.#options().color && this.#stderr.isTTY === true;
    return wanted ? styleText(color, text, { validateStream: false }) : text;
  }
}

function widthOf(sink: Sink): number {
  return sink.isTTY === true ? columnsOf(sink) : Number.POSITIVE_INFINITY;
}

/** A serial console does not know its size: Node says 0 then. */
function columnsOf({ columns = 0 }: Sink): number {
  return columns > 0 ? columns : 80;
}

/** A failure that stands on stdout already: only its exit code is still to be given. */
export class AlreadyPrinted extends Error {
  override readonly cause: IotError;

  constructor(failure: IotError) {
    super(failure.message);
    this.cause = failure;
  }
}

function stacks(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${stacks(error.cause)}` : own;
}
