import { asIotError, IotError } from '../../base/errors.js';
import { publishFresh } from '../../control/client/fresh.js';
import type { FreshUntil } from '../../trust/fresh/fresh-until.js';
import type { Context } from '../context.js';
import { readSigner } from '../keys/signer.js';
import { instantText } from '../module/instant.js';
import { inParallel } from '../push/parallel.js';
import type { Result } from '../result.js';
import { type ChosenOptions, chosen } from './chosen.js';
import type { Target } from './lookup.js';
import { withTarget } from './session.js';

const DEVICES_AT_A_TIME = 4;

export interface FreshOptions extends ChosenOptions {
  /** Unix seconds. */
  readonly for: number;
  readonly key: string;
}

interface Told {
  readonly device: string;
  readonly index?: FreshUntil;
  readonly error?: IotError;
}

/** Tells devices what is the newest for them, and until when that holds. A device that fails is a line, and exit 7. */
export async function tellFresh(options: FreshOptions, context: Context): Promise<Result> {
  const signer = await readSigner(options.key, context.environment);
  const issued = Math.floor(Date.now() / 1000);
  const tell = async (target: Target): Promise<Told> => {
    const { device } = target;
    try {
      const statement = { device, issued, until: options.for };
      return await withTarget(target, options, context, async ({ client }) => ({
        device,
        index: await publishFresh(client.link, signer, { ...statement, device: client.device }),
      }));
    } catch (thrown) {
      return { device, error: asIotError(thrown) };
    }
  };
  const told = await inParallel(await chosen(options, context), DEVICES_AT_A_TIME, tell);
  const failed = told.filter(({ error }) => error !== undefined);
  const [only] = told.length === 1 ? failed : [];
  return {
    data: told.map(({ device, index, error }) => ({
      device,
      ...(index === undefined ? {} : { until: index.until, newest: Object.fromEntries(index.newest) }),
      ...(error === undefined ? {} : { error }),
    })),
    text: only === undefined ? told.map(toldLine) : [],
    failure: only === undefined ? someFailed(failed, told.length) : only.error,
  };
}

function toldLine({ device, index, error }: Told): string {
  if (index === undefined) return `${device}: ${error?.message}`;
  const newest = [...index.newest].map(([slot, sequence]) => `${slot} ${sequence}`).join(', ');
  return `${device}: fresh until ${instantText(index.until)}, newest: ${newest || 'nothing'}`;
}

function someFailed(failed: readonly Told[], total: number): IotError | undefined {
  if (failed.length === 0) return undefined;
  const names = failed.map(({ device }) => device).join(',');
  return new IotError('E_SOME_FAILED', `${failed.length} of ${total} devices failed: ${names}`, {
    hint: `iot-host devices fresh --device ${names}`,
  });
}
