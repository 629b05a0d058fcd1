/**
 * The border to `native/`: every export and import of engine.wasm, typed by hand. `native/iot.h` says who owns
 * what; a test compares the names below with those of the built file.
 */
declare const brand: unique symbol;
type Handle<Name extends string> = number & { readonly [brand]: Name };

/** Address in the engine's memory. */
export type EnginePointer = Handle<'engine address'>;
/** A function of the loaded guest; good until `iot_unload`. */
export type FunctionHandle = Handle<'guest function'>;
/** Index into the guest module's functions, imported ones first. */
export type FunctionIndex = Handle<'function index'>;

export const NULL = 0 as EnginePointer;

/** `iot_status` of iot.h. */
export const Status = {
  ok: 0,
  trap: 1,
  fuelOut: 2,
  badModule: 3,
  badFeature: 4,
  noMemory: 5,
  tooLarge: 6,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

/** `iot_buffer_id` of iot.h. */
export const Buffer = { operation: 0, payload: 1, response: 2, error: 3, host: 4 } as const;
export type Buffer = (typeof Buffer)[keyof typeof Buffer];

/** Fields of `iot_state_t` as indices of 32-bit words; `fuel_left` is the f64 in front of them. */
export const StateWord = {
  result: 2,
  memoryPages: 3,
  hasResponse: 4,
  response: 5,
  responseLength: 6,
  hasError: 7,
  error: 8,
  errorLength: 9,
  message: 10,
  detail: 11,
} as const;
export const STATE_WORDS = 12;

/** Names of the functions `iot_link` binds; its number is the index here. */
export const SHIM_FUNCTIONS: readonly string[] = [
  '__guest_request',
  '__guest_response',
  '__guest_error',
  '__host_call',
  '__host_response_len',
  '__host_response',
  '__host_error_len',
  '__host_error',
  '__console_log',
  'abort',
  'seed',
  'trace',
];

/** `M3ValueType` of wasm3.h by number; 0 is "none". */
export const VALUE_TYPES = ['none', 'i32', 'i64', 'f32', 'f64'] as const;

export interface ShimExports {
  readonly memory: WebAssembly.Memory;
  readonly _initialize: () => void;
  readonly iot_alloc: (size: number) => EnginePointer;
  readonly iot_reserve: (buffer: Buffer, size: number) => EnginePointer;
  readonly iot_state_address: () => EnginePointer;
  readonly iot_heap_in_use: () => number;
  readonly iot_load: (wasm: EnginePointer, length: number, maxPages: number) => Status;
  readonly iot_unload: () => void;
  readonly iot_link: (
    module: EnginePointer,
    name: EnginePointer,
    signature: EnginePointer,
    number: number,
  ) => Status;
  readonly iot_link_wasi: (
    module: EnginePointer,
    name: EnginePointer,
    signature: EnginePointer,
    number: number,
  ) => Status;
  readonly iot_compile: () => Status;
  readonly iot_function: (index: FunctionIndex) => FunctionHandle;
  readonly iot_parameter_count: (fn: FunctionHandle) => number;
  readonly iot_parameter_type: (fn: FunctionHandle, index: number) => number;
  readonly iot_result_count: (fn: FunctionHandle) => number;
  readonly iot_result_type: (fn: FunctionHandle, index: number) => number;
  readonly iot_run_start: (fuel: number) => Status;
  readonly iot_invoke: (fn: FunctionHandle, slots: EnginePointer, fuel: number) => Status;
  readonly iot_set_guest_call: (fn: FunctionHandle) => void;
  readonly iot_set_payload_limit: (bytes: number) => void;
  readonly iot_call: (operationLength: number, payloadLength: number, fuel: number) => Status;
}

/** Keys of `ShimExports` as values, for the test that compares them with the built file. */
export const SHIM_EXPORT_NAMES = Object.keys({
  memory: 0,
  _initialize: 0,
  iot_alloc: 0,
  iot_reserve: 0,
  iot_state_address: 0,
  iot_heap_in_use: 0,
  iot_load: 0,
  iot_unload: 0,
  iot_link: 0,
  iot_link_wasi: 0,
  iot_compile: 0,
  iot_function: 0,
  iot_parameter_count: 0,
  iot_parameter_type: 0,
  iot_result_count: 0,
  iot_result_type: 0,
  iot_run_start: 0,
  iot_invoke: 0,
  iot_set_guest_call: 0,
  iot_set_payload_limit: 0,
  iot_call: 0,
} satisfies Record<keyof ShimExports, 0>);

/** What the shim imports from module `iot`. None of them may throw: that would leave wasm3's stack unrestored. */
export interface ShimImports {
  readonly host_call: (
    names: number,
    binding: EnginePointer,
    bindingLength: number,
    namespace: EnginePointer,
    namespaceLength: number,
    operation: EnginePointer,
    operationLength: number,
    payload: EnginePointer,
    payloadLength: number,
  ) => number;
  readonly log: (text: EnginePointer, length: number) => void;
  readonly abort: (
    message: EnginePointer,
    messageBytes: number,
    file: EnginePointer,
    fileBytes: number,
    line: number,
    column: number,
  ) => void;
  readonly trace: (
    message: EnginePointer,
    messageBytes: number,
    count: number,
    ...values: [number, number, number, number, number]
  ) => void;
  /** The answer of WASI function `number`, or a negative number to stop the guest. `args` are 64-bit slots. */
  readonly wasi: (
    number: number,
    args: EnginePointer,
    count: number,
    guestMemory: EnginePointer,
    guestBytes: number,
  ) => number;
}
