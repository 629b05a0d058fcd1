import { createInterface } from 'node:readline/promises';
import { IotError } from '../base/errors.js';
import type { Context } from './context.js';

/**
 * Goes on when the person says yes, or has said `--yes`. Throws E_USAGE where nobody can be asked, E_CANCELLED for any
 * other answer.
 */
export async function confirm(question: string, context: Context): Promise<void> {
  const { input, options, output, signal } = context;
  if (options.yes) return;
  if (input?.isTTY !== true || options.json) {
    throw new IotError('E_USAGE', `nobody can be asked here: ${question}`, { hint: 'add --yes' });
  }
  output.clearStatus();
  const lines = createInterface({ input, terminal: false });
  try {
    output.log(`${question} [y/N]`);
    const answer = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new IotError('E_CANCELLED', 'nothing was changed: the answer was not yes');
}
