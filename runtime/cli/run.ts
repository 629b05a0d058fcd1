import { CommanderError } from 'commander';
import { asIotError, IotError } from '../base/errors.js';
import type { Environment } from '../base/paths.js';
import type { Context, GlobalOptions, Input } from './context.js';
import { discoverCommands } from './discover.js';
import { onInterrupt } from './interrupt.js';
import { buildProgram } from './program.js';
import { AlreadyPrinted, Renderer, type Sink } from './render.js';
import { usageError } from './usage.js';

/** What a command line runs in; `process` is one. */
export interface Surroundings {
  readonly env: Environment;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly stdin?: Input | undefined;
}

/** Runs one command line (without `node` and the script's name) and resolves with the exit code. */
export async function run(argv: readonly string[], around: Surroundings): Promise<number> {
  const args = argv[0] === '--version' || argv[0] === '-V' ? ['version', ...argv.slice(1)] : [...argv];
  let options = scan(args);
  let service = false;
  using interruption = onInterrupt();
  const output = new Renderer(around, () => options, around.env.NO_COLOR !== undefined);
  const context: Context = {
    input: around.stdin,
    environment: around.env,
    get options() {
      return options;
    },
    signal: interruption.signal,
    output,
    action:
      (work) =>
      async (...parameters) => {
        options = { ...options, ...program.opts<GlobalOptions>() };
        const result = await work(...parameters);
        service = 'stream' in result && result.service === true;
        await output.result(result);
      },
  };
  const program = buildProgram(await discoverCommands(), context, around.stdout);
  try {
    await program.parseAsync(args, { from: 'user' });
    if (!(service && interruption.received() === 'SIGTERM')) interruption.signal.throwIfAborted();
    return 0;
  } catch (thrown) {
    if (thrown instanceof AlreadyPrinted) return thrown.cause.exitCode;
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    // After an interrupt anything may fail in its own way; only what speaks of the interrupt knows better.
    const own = named(thrown);
    const stopped = interruption.signal.aborted && own.code !== 'E_INTERRUPTED';
    const error = stopped ? (interruption.signal.reason as IotError) : own;
    output.error(error);
    return error.exitCode;
  }

  function named(thrown: unknown): IotError {
    return thrown instanceof CommanderError ? usageError(thrown, program, args) : asBug(asIotError(thrown));
  }
}

/** Flags as far as they must be known before, or although, the line cannot be parsed. */
function scan(args: readonly string[]): GlobalOptions {
  const end = args.indexOf('--');
  const has = (flag: string) => (end < 0 ? args : args.slice(0, end)).includes(flag);
  return {
    json: has('--json'),
    quiet: has('--quiet'),
    verbose: has('--verbose'),
    color: !has('--no-color'),
    yes: has('--yes'),
  };
}

function asBug(error: IotError): IotError {
  if (error.code !== 'E_INTERNAL' || error.hint !== undefined) return error;
  const hint = 'this is a bug: run the same line with --verbose and report what it prints';
  return new IotError('E_INTERNAL', error.message, { hint, cause: error.cause ?? error });
}
