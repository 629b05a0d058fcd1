// Echo answers with its payload; Relay asks the host the same and answers with what that says.
import { Bytes, failHost, hostCall, hostReply, on, reply, requestCbor, text } from '../sdk/assemblyscript/assembly';
export { __guest_call } from '../sdk/assemblyscript/assembly';

const CONTRACT = text('test:echo');
const ECHO = text('Echo');
const answer = new Bytes();

on('Echo', (payload: Bytes): bool => reply(payload));
on('Relay', (payload: Bytes): bool => {
  const request = requestCbor();
  request.put(payload);
  if (!hostCall(CONTRACT, ECHO, request) || !hostReply(answer)) return failHost('test:echo Echo');
  return reply(answer);
});
