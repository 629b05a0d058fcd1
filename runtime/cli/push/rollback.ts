import { Name } from '../../base/config/schema.js';
import { asIotError, IotError } from '../../base/errors.js';
import type { InstalledVersion, UpdateStatus } from '../../control/protocol/messages.js';
import type { Signer } from '../../trust/cose/signer.js';
import type { Context } from '../context.js';
import type { Target } from '../device/lookup.js';
import type { DeviceOptions } from '../device/options.js';
import { withTarget } from '../device/session.js';
import type { Delivery } from './deliver.js';
import { comparable, type Deployable } from './release.js';

/** What one device would go back to. */
export interface Return {
  readonly target: Target;
  readonly release: Deployable;
  readonly previous: InstalledVersion & { readonly size: number };
  readonly installed: InstalledVersion | undefined;
}

/**
 * Asks a device what it had before in a slot, and makes a deployment of it: the device has the bytes, so there are
 * none to send. Never throws: what cannot be done is a delivery with its `error`.
 */
export async function askPrevious(
  slot: string,
  signers: readonly Signer[],
  target: Target,
  options: DeviceOptions,
  context: Context,
): Promise<Return | Delivery> {
  const { device } = target;
  try {
    const status = await withTarget(target, options, context, ({ client }) => client.status(slot));
    const { previous, installed } = requirePrevious(device, slot, status);
    const { digest, size, key, version } = previous;
    const replaceIdentity = installed !== undefined && installed.key !== key;
    const artifact = { slot, digest, size, replaceIdentity };
    const release = {
      component: slot,
      parts: [{ artifact }],
      claimed: version,
      version: comparable(version),
      signers,
    };
    return { target, release, previous, installed };
  } catch (thrown) {
    return { device, component: slot, outcome: 'unknown', error: asIotError(thrown) };
  }
}

/** Throws E_USAGE. */
export function requireSlotName(slot: string): string {
  if (Name.safeParse(slot).success) return slot;
  throw new IotError('E_USAGE', `"${slot}" cannot be the name of a slot`, { hint: 'iot-host ps shows them' });
}

function requirePrevious(
  device: string,
  slot: string,
  status: UpdateStatus | undefined,
): Pick<Return, 'previous' | 'installed'> {
  const { previous, installed } = status ?? {};
  if (previous !== undefined && previous.size !== undefined) {
    return { previous: { ...previous, size: previous.size }, installed };
  }
  const why =
    status === undefined
      ? `nothing was ever pushed into slot ${slot}`
      : previous === undefined
        ? `it has no module from before the one in slot ${slot}`
        : `it does not know the size of what slot ${slot} held before`;
  throw new IotError('E_NOT_FOUND', `device ${device}: ${why}`, {
    hint:
      status === undefined
        ? `iot-host ps --device ${device}`
        : `push the older file: iot-host push FILE --name ${slot} --device ${device}`,
  });
}

/** `pi-01: lamp 2.0.0 (3fa1…) back to 1.0.0 (88c0…)`. */
export function returnLine({ target, release, previous, installed }: Return): string {
  const now = installed === undefined ? 'nothing' : named(installed);
  return `${target.device}: ${release.component} ${now} back to ${named(previous)}`;
}

const named = ({ version, digest }: InstalledVersion) =>
  `${version === undefined ? '' : `${version} `}(sha256 ${digest.slice(0, 12)}…)`;
