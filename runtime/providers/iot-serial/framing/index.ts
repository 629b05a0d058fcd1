import type { PortGrant } from '../contract.js';
import { DelimiterFramer } from './delimiter.js';
import type { Framer } from './framer.js';
import { GapFramer } from './gap.js';
import { LengthFramer } from './length.js';
import { RawFramer } from './raw.js';

/** What cuts as the binding says. */
export function createFramer({ framing, maxFrame }: PortGrant): Framer {
  if (framing === 'raw') return new RawFramer(maxFrame);
  if ('delimiter' in framing) {
    const { delimiter } = framing;
    const bytes =
      typeof delimiter === 'string' ? new TextEncoder().encode(delimiter) : Uint8Array.from(delimiter);
    return new DelimiterFramer(bytes, maxFrame);
  }
  if ('gapMs' in framing) return new GapFramer(framing.gapMs, maxFrame);
  return new LengthFramer(framing.lengthPrefix, framing.timeoutMs, maxFrame);
}
