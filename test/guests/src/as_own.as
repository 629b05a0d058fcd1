// The test guest in AssemblyScript with this project's own SDK, which answers HealthRequest and unknown operations.
import { Bytes, failWith, hostCallThrough, hostError, hostReply, log, on, reply, requestMsgPack, text, fail } from '../../../actors/sdk/assemblyscript/assembly';
export { __guest_call } from '../../../actors/sdk/assemblyscript/assembly';

const NO_BINDING = text('');
const KEYVALUE = text('wascc:keyvalue');
const ADD = text('Add');
const answer = new Bytes();

on('Echo', (payload: Bytes): bool => reply(payload));
on('Fail', (_payload: Bytes): bool => fail('no luck'));
on('HostCall', (payload: Bytes): bool => {
  const request = requestMsgPack();
  request.put(payload);
  if (!hostCallThrough(NO_BINDING, KEYVALUE, ADD, request)) return failWith('', hostError(), '');
  return hostReply(answer) ? reply(answer) : failWith('', hostError(), '');
});
on('Log', (payload: Bytes): bool => {
  log(payload);
  return true;
});
