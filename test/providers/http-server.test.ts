import { expect, it } from 'vitest';
import { ask } from '#runtime/providers/wascc-http-server/exchange.js';
import { testHttpServerContract } from './http-server.contract.js';

testHttpServerContract('node');

it('an answer that is no response is refused with what one should be', async () => {
  const request = { method: 'GET', path: '/', queryString: '', header: {}, body: new Uint8Array(0) };
  await expect(ask(async () => ({ statusCode: '200' }), request, 1_000)).rejects.toMatchObject({
    code: 'E_PAYLOAD',
    message: expect.stringMatching(
      /^the actor's answer is no HTTP response: statusCode: expected a number, found text/,
    ),
  });
});
