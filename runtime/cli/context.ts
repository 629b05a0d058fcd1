import type { Environment } from '../base/paths.js';
import type { Renderer } from './render.js';
import type { CommandResult } from './result.js';

/** Options that every command takes, anywhere on the line. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
  readonly yes: boolean;
}

/** The part of standard input that is used here. */
export type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };

/** What a command may use of the outside world. */
export interface Context {
  /** For questions; `undefined` where nobody answers. */
  readonly input: Input | undefined;
  readonly environment: Environment;
  /** Known once the line is parsed, which it is in every action. */
  readonly options: GlobalOptions;
  /** Aborts at the first SIGINT or SIGTERM, with the IotError to fail with as its reason. */
  readonly signal: AbortSignal;
  /** Progress and remarks, on stderr. */
  readonly output: Renderer;
  /** Wraps a command's function: what it returns is what is printed. */
  action<A extends unknown[]>(
    work: (...args: A) => Promise<CommandResult> | CommandResult,
  ): (...args: A) => Promise<void>;
}
