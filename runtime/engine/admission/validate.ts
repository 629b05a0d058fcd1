import { IotError } from '../../base/errors.js';

/** Throws E_MODULE, in V8's words, for a module that is not valid: V8's validator is the one everybody attacks. */
export function validate(bytes: Uint8Array): void {
  if (WebAssembly.validate(bytes)) return;
  throw new IotError('E_MODULE', `module is not valid: ${reason(bytes)}`);
}

function reason(bytes: Uint8Array): string {
  try {
    new WebAssembly.Module(bytes);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return message.replace(/^WebAssembly\.Module\(\): /, '');
  }
  return 'V8 does not say why';
}
