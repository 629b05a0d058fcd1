import { asIotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import type { GpioChip } from './chip.js';
import { type Holder, safeLevel } from './holder.js';

/** Drives an output of `holder` away from its safe level, and back after `ms`. */
export function startPulse(chip: GpioChip, logger: Logger, holder: Holder, line: string, ms: number): void {
  endPulse(chip, holder, line);
  const safe = safeLevel(holder.lines.get(line));
  const finish = () => {
    holder.pulses.delete(line);
    try {
      chip.write(line, safe);
    } catch (thrown) {
      // A chip that was unplugged: there is nobody left to throw it to.
      logger.error(`line ${line} after its pulse: ${asIotError(thrown).message}`);
    }
    chip.driveAlone?.(line, false);
  };
  chip.driveAlone?.(line, true);
  holder.pulses.set(line, { timeout: setTimeout(finish, ms), end: performance.now() + ms });
  chip.write(line, safe === 0 ? 1 : 0);
}

/** Ends a pulse before its time; the line keeps its level. */
export function endPulse(chip: GpioChip, holder: Holder, line: string): void {
  const pulse = holder.pulses.get(line);
  if (pulse === undefined) return;
  clearTimeout(pulse.timeout);
  holder.pulses.delete(line);
  chip.driveAlone?.(line, false);
}
