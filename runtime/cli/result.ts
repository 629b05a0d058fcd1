import type { IotError } from '../base/errors.js';

/** What a command hands back: it never prints. `data` is the `--json` form, `text` the lines for a person. */
export interface Result {
  readonly data: unknown;
  readonly text: readonly string[];
  /** The result stands, and yet something failed: printed after it, and gives the exit code. */
  readonly failure?: IotError | undefined;
}

/** A result that comes bit by bit (`logs -f`, `up`): one line, or one JSON object a line. */
export interface StreamResult {
  readonly stream: AsyncIterable<Pick<Result, 'data' | 'text'>>;
  /** Runs until it is told to stop: SIGTERM is then its normal end, with exit code 0. */
  readonly service?: boolean | undefined;
}

export type CommandResult = Result | StreamResult;
