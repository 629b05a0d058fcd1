// What AssemblyScript imports from `env` when its abort is not replaced: abort, seed and trace.
@external('wapc', '__guest_request')
declare function guestRequest(operation: usize, payload: usize): void;
@external('wapc', '__guest_response')
declare function guestResponse(data: usize, length: usize): void;

export function __guest_call(operationSize: i32, payloadSize: i32): i32 {
  const operation = new ArrayBuffer(operationSize);
  const payload = new ArrayBuffer(payloadSize);
  guestRequest(changetype<usize>(operation), changetype<usize>(payload));
  const name = String.UTF8.decode(operation);
  if (name == 'Random') {
    const number = new ArrayBuffer(8);
    store<f64>(changetype<usize>(number), Math.random());
    guestResponse(changetype<usize>(number), 8);
  } else if (name == 'Trace') {
    trace('speed', 2, 1.5, 2);
    guestResponse(changetype<usize>(payload), 0);
  } else {
    throw new Error('no function ' + name);
  }
  return 1;
}
