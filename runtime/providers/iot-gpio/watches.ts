import { asIotError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { sessionName } from '../../base/sessions.js';
import type { GpioChip } from './chip.js';
import { type Edge, watchable } from './contract.js';
import type { Holder, Watch } from './holder.js';

/** From now on the edges of a line are told to its holder. */
export function beginWatch(chip: GpioChip, logger: Logger, holder: Holder, line: string, watch: Watch): void {
  chip.watch(line, watch, (edge, timestampNs, missed) => {
    watch.seq += 1 + missed;
    const message: Edge = { line, edge, timestampNs, seq: watch.seq };
    holder.deliver('Edge', message).catch((thrown: unknown) => {
      const error = asIotError(thrown);
      // What the actor made of it, its slot has told already.
      logger.debug(
        `edge ${message.seq} of line ${line} for ${sessionName(holder.session)}: ${error.message}`,
      );
    });
  });
  watch.on = true;
}

/**
 * After a change of the grant: watches of lines that are still granted go on, the others end. One that goes on is not
 * begun anew: edges that nobody has read yet would be lost.
 */
export function rewatch(chip: GpioChip, logger: Logger, holder: Holder): void {
  for (const [line, watch] of holder.watches.entries()) {
    try {
      watchable(holder.session.grant, { line, edge: watch.edge });
      if (!watch.on) beginWatch(chip, logger, holder, line, watch);
    } catch {
      holder.watches.delete(line);
      if (holder.lines.has(line)) chip.unwatch(line);
    }
  }
}
