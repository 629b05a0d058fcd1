import { IotError, withContext } from '../../base/errors.js';

/** Why a deployment failed, when it is known which of its modules was the cause. */
export class PartFault extends IotError {
  constructor(
    readonly slot: string,
    error: IotError,
  ) {
    super(error.code, error.message, { hint: error.hint, cause: error });
  }
}

/** `error` as the fault of `slot`; in a release of several, its message says so. */
export function faultOf(slot: string, error: IotError, release: boolean): IotError {
  return new PartFault(slot, release ? withContext(error, slot) : error);
}
