import { isReasonCode, REASONS, type ReasonCode } from './reasons.js';

/** An error as it travels between threads, over MQTT and into `--json` output. */
export interface ErrorRecord {
  readonly code: ReasonCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

/**
 * Every failure a person may see. `message` says what, which and why (lower case, no full stop), `hint` what to
 * type next. Guest faults and refusals travel as values of this class; programming errors are plain `Error`s.
 */
export class IotError extends Error {
  override readonly name = 'IotError';
  readonly code: ReasonCode;
  readonly hint: string | undefined;

  constructor(
    code: ReasonCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  /** Process exit code, from the table of reasons. */
  get exitCode(): number {
    return REASONS[this.code].exit;
  }

  toJSON(): ErrorRecord {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
    };
  }

  static from(record: { code: string; message: string; hint?: string | undefined }): IotError {
    const code = isReasonCode(record.code) ? record.code : 'E_INTERNAL';
    return new IotError(code, record.message, { hint: record.hint });
  }
}

/** Turns whatever was thrown into an `IotError`; unknown things become `fallback`. */
export function asIotError(thrown: unknown, fallback: ReasonCode = 'E_INTERNAL'): IotError {
  if (thrown instanceof IotError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new IotError(fallback, message, { cause: thrown });
}

/** What a line of log carries of an error beside its message: the hint is often what one looks for there. */
export function logFields({ code, hint }: IotError): { code: ReasonCode; hint?: string } {
  return hint === undefined ? { code } : { code, hint };
}

/** Puts what was being done in front of an error's message and keeps its code and hint. */
export function withContext(error: IotError, context: string): IotError {
  return new IotError(error.code, `${context}: ${error.message}`, { hint: error.hint, cause: error });
}
