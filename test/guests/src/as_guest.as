// The test guest in AssemblyScript with @wapc/as-guest.
import { consoleLog, handleAbort, handleCall, hostCall, register } from '@wapc/as-guest';
import { Result } from '@wapc/as-guest/assembly';

function empty(): Result<ArrayBuffer> {
  return Result.ok(new ArrayBuffer(0));
}

export function wapc_init(): void {
  register('Echo', (payload: ArrayBuffer): Result<ArrayBuffer> => Result.ok(payload));
  register('Fail', (_payload: ArrayBuffer): Result<ArrayBuffer> => Result.error<ArrayBuffer>(new Error('no luck')));
  register('HostCall', (payload: ArrayBuffer): Result<ArrayBuffer> => hostCall('', 'wascc:keyvalue', 'Add', payload));
  register('Log', (payload: ArrayBuffer): Result<ArrayBuffer> => {
    consoleLog(String.UTF8.decode(payload));
    return empty();
  });
  register('HealthRequest', (_payload: ArrayBuffer): Result<ArrayBuffer> => empty());
  register('Crash', (payload: ArrayBuffer): Result<ArrayBuffer> => {
    assert(payload.byteLength > 1000, 'too short');
    return empty();
  });
}

export function __guest_call(operationSize: usize, payloadSize: usize): bool {
  return handleCall(operationSize, payloadSize);
}

export function abort(message: string | null, fileName: string | null, line: u32, column: u32): void {
  handleAbort(message, fileName, line, column);
}
