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

/** One slot, and what it would go back to. */
interface Step {
  readonly slot: string;
  readonly previous: InstalledVersion & { readonly size: number };
  readonly installed: InstalledVersion | undefined;
}

/** What one device would go back to. */
export interface Return {
  readonly target: Target;
  readonly release: Deployable;
  readonly steps: readonly Step[];
}

/** What goes back together, and under which name. */
export interface Wanted {
  readonly slots: readonly string[];
  readonly component: string;
}

/** Slots as the line names them: several are one release, and need its name. Throws E_USAGE. */
export function wantedSlots(slots: readonly string[], name: string | undefined): Wanted {
  for (const slot of name === undefined ? slots : [...slots, name]) {
    if (Name.safeParse(slot).success) continue;
    throw new IotError('E_USAGE', `"${slot}" cannot be the name of a slot`, {
      hint: 'iot-host ps shows them',
    });
  }
  const [first = ''] = slots;
  if (slots.length === 1 && (name === undefined || name === first)) return { slots, component: first };
  if (slots.length > 1 && name !== undefined) return { slots, component: name };
  throw slots.length > 1
    ? new IotError('E_USAGE', `${slots.length} actors go back as one release, and it has no name`, {
        hint: 'the name that they were pushed under: --name greenhouse',
      })
    : new IotError('E_USAGE', `--name is for several actors that go back together, and ${first} is one`);
}

/**
 * Asks a device what it had before in some slots, and makes one deployment of that: the device has the bytes, so there
 * are none to send. Never throws: what cannot be done is a delivery with its `error`.
 */
export async function askPrevious(
  { slots, component }: Wanted,
  signers: readonly Signer[],
  target: Target,
  options: DeviceOptions,
  context: Context,
): Promise<Return | Delivery> {
  const { device } = target;
  try {
    const steps = await withTarget(target, options, context, ({ client }) =>
      Promise.all(slots.map(async (slot) => stepOf(device, slot, await client.status(slot)))),
    );
    const [first] = steps;
    const agree = steps.every(({ previous }) => previous.version === first?.previous.version);
    const claimed = agree ? first?.previous.version : undefined;
    const parts = steps.map((step) => ({ artifact: artifactOf(step) }));
    return { target, release: { component, parts, claimed, version: comparable(claimed), signers }, steps };
  } catch (thrown) {
    return { device, component, outcome: 'unknown', error: asIotError(thrown) };
  }
}

function artifactOf({ slot, previous: { digest, size, key }, installed }: Step) {
  return { slot, digest, size, replaceIdentity: installed !== undefined && installed.key !== key };
}

function stepOf(device: string, slot: string, status: UpdateStatus | undefined): Step {
  const { previous, installed } = status ?? {};
  if (previous !== undefined && previous.size !== undefined) {
    return { slot, previous: { ...previous, size: previous.size }, installed };
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

/** `pi-01: lamp 2.0.0 (sha256 3fa1…) back to 1.0.0 (sha256 88c0…)`, for each slot. */
export function returnLines({ target, steps }: Return): string[] {
  return steps.map(({ slot, previous, installed }) => {
    const now = installed === undefined ? 'nothing' : named(installed);
    return `${target.device}: ${slot} ${now} back to ${named(previous)}`;
  });
}

const named = ({ version, digest }: InstalledVersion) =>
  `${version === undefined ? '' : `${version} `}(sha256 ${digest.slice(0, 12)}…)`;
