import { IotError } from '../errors.js';

/** An error about a key of the settings that were looked at: the last one of `path`. */
export class PathError extends IotError {
  readonly path: readonly PropertyKey[];

  constructor(path: readonly PropertyKey[], error: IotError) {
    super(error.code, error.message, { hint: error.hint, cause: error.cause });
    this.path = path;
  }
}

/** What `work` finds wrong is about the last key of `path`. */
export function blaming<T>(path: readonly PropertyKey[], work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw thrown instanceof IotError ? new PathError(path, thrown) : thrown;
  }
}
