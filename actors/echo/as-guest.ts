// The same two operations with the published SDK @wapc/as-guest, which allocates on the way; built by scripts/bench/build.sh.
import { handleAbort, handleCall, hostCall, register } from '@wapc/as-guest';
import { Result } from '@wapc/as-guest/assembly';

export function wapc_init(): void {
  register('Echo', (payload: ArrayBuffer): Result<ArrayBuffer> => Result.ok(payload));
  register('Relay', (payload: ArrayBuffer): Result<ArrayBuffer> => hostCall('default', 'test:echo', 'Echo', payload));
}

export function __guest_call(operationSize: usize, payloadSize: usize): bool {
  return handleCall(operationSize, payloadSize);
}

export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  handleAbort(message, file, line, column);
}
