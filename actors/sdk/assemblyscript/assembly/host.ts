/** The waPC functions of the host. Lengths are bytes; pointers are checked by the host. */
// @ts-ignore: decorator
@external('wapc', '__guest_request')
export declare function guestRequest(operation: usize, payload: usize): void;
// @ts-ignore: decorator
@external('wapc', '__guest_response')
export declare function guestResponse(at: usize, size: i32): void;
// @ts-ignore: decorator
@external('wapc', '__guest_error')
export declare function guestError(at: usize, size: i32): void;
// @ts-ignore: decorator
@external('wapc', '__host_call')
export declare function hostCallRaw(
  binding: usize, bindingSize: i32, contract: usize, contractSize: i32,
  operation: usize, operationSize: i32, payload: usize, payloadSize: i32,
): i32;
// @ts-ignore: decorator
@external('wapc', '__host_response_len')
export declare function hostResponseSize(): i32;
// @ts-ignore: decorator
@external('wapc', '__host_response')
export declare function hostResponse(at: usize): void;
// @ts-ignore: decorator
@external('wapc', '__host_error_len')
export declare function hostErrorSize(): i32;
// @ts-ignore: decorator
@external('wapc', '__host_error')
export declare function hostErrorRaw(at: usize): void;
// @ts-ignore: decorator
@external('wapc', '__console_log')
export declare function consoleLog(at: usize, size: i32): void;
